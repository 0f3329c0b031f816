import { endUnderScheduler, type State } from '../core/index.js';

/** What a mail server may take for the last mails of a daemon that is not followed by another, in ms. */
const LAST_MAILS_MS = 30_000;

export interface EndWhenDone {
  readonly state: () => State;
  /** Resolves when the mails that are due are sent, or after so many ms. */
  readonly settled: (within_ms: number) => Promise<void> | undefined;
  readonly stop: (reason: string) => void;
}

/** Returns what ends a scheduler's daemon once nothing is left to do here; to be called whenever that may
 * have become so. */
export function endWhenDone({ state, settled, stop }: EndWhenDone): () => void {
  let ending = false;
  return () => {
    const code = endUnderScheduler(state());
    if (code === null || ending) return;
    ending = true;
    // The next daemon of this home, which would send what is left, may never be.
    void Promise.resolve(settled(LAST_MAILS_MS)).then(() => {
      ending = false;
      // Something more may have been asked for meanwhile.
      if (endUnderScheduler(state()) !== null)
        stop(`nothing is left to do here (exit code ${code})`);
    });
  };
}
