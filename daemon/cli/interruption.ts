/** Why a command was interrupted. */
export type Interruption = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'EPIPE';

const taken = new Set<(why: Interruption) => void>();

/**
 * Takes over the signals that would end the process, until `release`. A second SIGINT or SIGTERM
 * ends it at once: someone is in a hurry, or our own clean-up is stuck.
 * @param terminalLoss whether a terminal or a reader of our output that goes away interrupts too.
 */
export function takeInterruptions(terminalLoss: 'ends' | 'ignored' = 'ends'): {
  signal: AbortSignal;
  release: () => void;
} {
  const controller = new AbortController();
  const interrupt = (why: Interruption) => {
    const lost = why === 'SIGHUP' || why === 'EPIPE';
    if (lost && terminalLoss === 'ignored') return;
    if (controller.signal.aborted && !lost) process.exit(1);
    controller.abort(why);
  };
  taken.add(interrupt);
  const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map(
    (name) => [name, () => interrupt(name)] as const,
  );
  for (const [name, handler] of handlers) process.on(name, handler);
  const release = () => {
    taken.delete(interrupt);
    for (const [name, handler] of handlers) process.off(name, handler);
  };
  return { signal: controller.signal, release };
}

/** The reader of our output went away (`nightwarden logs | head`): that is an end, not an error. */
export function onBrokenPipe(): void {
  if (taken.size === 0) process.exit(0);
  for (const interrupt of taken) interrupt('EPIPE');
}
