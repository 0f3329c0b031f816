import type { Exit } from './events.js';

/** What the last lines of an attempt's output say of its end. */
export interface LastWords {
  /** How the trainer itself ended, where a launcher's own exit status hides it. */
  readonly exit: Exit | null;
  /**
   * The lines that tell of the end, oldest first: the last chain of Python tracebacks and what follows
   * it, or all lines where there is none. A launcher's own are left out, and the frames.
   */
  readonly closing: readonly string[];
  /** The last of the chain alone, or the last lines: above them stand the warnings of a start-up. */
  readonly final: readonly string[];
  /** Whether that is a traceback. */
  readonly raised: boolean;
  /** The last line that looks like an error rather than a progress bar; empty where there is none. */
  readonly error: string;
}

const TRACEBACK = /^Traceback \(most recent call last\):/;
/** What Python prints between the tracebacks of a chain. */
const CHAINED =
  /^(During handling of the above exception|The above exception was the direct cause)/;
/** torchrun sets the rank before each line of a traceback. */
const RANK = /^\[rank\d+\]:\s?/;
/** `accelerate launch` ends by subprocess.run's complaint, torchrun by its own. */
const LAUNCHER_RAISED =
  /^(subprocess\.CalledProcessError: Command |torch\.distributed\.elastic\.multiprocessing\.errors\.ChildFailedError)/;
/** Lines of a launcher that stand outside of a traceback. */
const LAUNCHER_SAID =
  /torch\/distributed\/(elastic|run|launcher)|torch\.distributed\.elastic|torch_elastic|accelerate\/commands\/|elastic\/multiprocessing\/api\.py/;
/** subprocess.py and torch/distributed/elastic/multiprocessing say by which signal it was ended. */
const LAUNCHER_SIGNAL =
  /died with <Signals\.(SIG\w+): \d+>|Signal \d+ \((SIG\w+)\) received by PID/;

export function lastWords(exit: Exit | null, tail: readonly string[]): LastWords {
  const lines = tail.map((line) => line.replace(RANK, '').trimEnd());
  const launched = launcherTraceback(lines);
  const own = (launched === null ? lines : lines.slice(0, launched)).filter(
    (line) => !LAUNCHER_SAID.test(line),
  );
  const last = own.findLastIndex((line) => TRACEBACK.test(line));
  const raised = last >= 0;
  const final = raised ? withoutFrames(own.slice(last)) : own.slice(-LAST_LINES);
  return {
    exit: hidden(exit, launched === null ? [] : lines.slice(launched)) ?? exit,
    closing: raised ? withoutFrames(own.slice(chainStart(own, last))) : own,
    final,
    raised,
    error: (raised ? raisedBy(final) : null) ?? errorOf(raised ? final : own),
  };
}

const LAST_LINES = 20;

/** Where it was raised quotes the program, which may name any error. */
function withoutFrames(lines: readonly string[]): string[] {
  let within = false;
  return lines.filter((line) => {
    if (/^ {2}File "/.test(line)) within = true;
    else if (!line.startsWith('    ')) within = false;
    return !within;
  });
}

/** Where the traceback begins with which a launcher reports its trainer's end; null without one. */
function launcherTraceback(lines: readonly string[]): number | null {
  const at = lines.findLastIndex((line) => LAUNCHER_RAISED.test(line));
  if (at < 0) return null;
  const begin = lines.slice(0, at).findLastIndex((line) => TRACEBACK.test(line));
  // Cut off by the length of the tail: its frames cannot be told from others.
  return begin < 0 ? at : begin;
}

function hidden(exit: Exit | null, launcher: readonly string[]): Exit | null {
  if (exit === null || exit.code === 0) return null;
  for (const line of launcher) {
    const said = LAUNCHER_SIGNAL.exec(line);
    const signal = said?.[1] ?? said?.[2];
    if (signal !== undefined) return { code: null, signal };
  }
  return null;
}

/** Where the chain begins whose last traceback begins at `last`; its first is the cause of the others. */
function chainStart(lines: readonly string[], last: number): number {
  let begin = last;
  for (;;) {
    const before = lines.slice(0, begin).findLastIndex((line) => line.trim() !== '');
    if (before < 0 || !CHAINED.test(lines[before] ?? '')) return begin;
    const earlier = lines.slice(0, before).findLastIndex((line) => TRACEBACK.test(line));
    if (earlier < 0) return begin;
    begin = earlier;
  }
}

/** What stands right below the frames; null where another process's output got in between. */
function raisedBy([, line = '']: readonly string[]): string | null {
  return /^[A-Za-z_][\w.]*(:|$)/.test(line) ? line : null;
}

/** `package.SomeError: words`, as Python ends a traceback. */
const EXCEPTION =
  /^([A-Za-z_]\w*\.)*[A-Za-z_]\w*(Error|Exception|Timeout|Interrupt|Failure)\b(:|$)/;
const WORDY = /error|exception|abort|fault|killed|assert/i;

function errorOf(lines: readonly string[]): string {
  const raised = lines.findLast((line) => EXCEPTION.test(line));
  const found = raised ?? lines.findLast((line) => WORDY.test(line)) ?? '';
  return found.trim();
}
