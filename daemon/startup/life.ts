import { endWhenTold } from '../core/index.js';
import type { Lock } from '../journal/index.js';
import { type Begun, leave, shutDown } from './begun.js';

export interface Life {
  /** Ends the daemon, once; resolves when it has ended. */
  stop(reason: string): Promise<void>;
  /** Resolves with the reason when it has ended, however that was asked for. */
  readonly stopped: Promise<string>;
  exitCode(): number;
}

/** The end of a daemon: `scheduled`, with its trainers and a word to the scheduler of what is left. */
export function lifeOf(begun: Begun, scheduled: boolean, lock: Lock): Life {
  let code = 0;
  let resolveStopped: (reason: string) => void = () => {};
  const stopped = new Promise<string>((resolve) => {
    resolveStopped = resolve;
  });
  let stopping: Promise<void> | null = null;
  const end = async (reason: string): Promise<void> => {
    await (scheduled ? leave : shutDown)(begun, reason);
    if (scheduled) code = endWhenTold(begun.engine.state);
    await lock.release();
    await begun.log.close();
    resolveStopped(reason);
  };
  return {
    stop(reason) {
      stopping ??= end(reason);
      return stopping;
    },
    stopped,
    exitCode: () => code,
  };
}
