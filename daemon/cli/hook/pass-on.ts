import { attemptLog, loggedAttempts } from '../attempt-logs.js';
import { GrowingFile } from '../grow.js';
import { pause } from '../wait.js';

export interface PassOn {
  readonly write: (bytes: Buffer) => void;
  /** Told when output of a later attempt follows. */
  readonly onAttempt: (attempt: number) => void;
  readonly signal: AbortSignal;
  /** Whether nothing more will come. */
  readonly over: () => Promise<boolean>;
}

const EVERY_MS = 100;

/**
 * Passes on the output of a job's attempts from that one on, byte for byte and at once: a progress
 * bar has no line end for hours, and whoever reads it would wait for one.
 */
export async function passOn(home: string, job: string, from: number, how: PassOn): Promise<void> {
  for (let attempt = from; ; ) {
    const next = (): number | undefined =>
      loggedAttempts(home, job).find((other) => other > attempt);
    const file = new GrowingFile(attemptLog(home, job, attempt));
    try {
      for (;;) {
        // Asked before the last reading: what was written until then is not missed.
        const over = next() !== undefined || (await how.over());
        await file.read((text) => how.write(Buffer.from(text, 'latin1')));
        if (over) break;
        if (!(await pause(EVERY_MS, how.signal))) return;
      }
    } finally {
      await file.close();
    }
    const later = next();
    if (later === undefined) return;
    attempt = later;
    how.onAttempt(attempt);
  }
}
