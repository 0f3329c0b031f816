import { type Event, initialState, reduce, type State } from '../core/index.js';
import { openJournal } from '../journal/index.js';

interface Said {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Opens the journal of a home and has the log tell what was wrong with it, and what becomes of it.
 * `now`: Unix seconds that the entries bear. Throws JournalDamaged. */
export async function openDaemonJournal(dir: string, now: () => number, log: Said) {
  const opened = await openJournal<Event, State>({
    dir,
    initial: initialState,
    apply: (state, entry) => reduce(state, entry as never),
    now,
    gap: (dropped) => ({ type: 'journal_gap', dropped }),
  });
  const { journal, repaired } = opened;
  if (repaired.cut_bytes > 0)
    log.warn(`the journal ended in a torn line; ${repaired.cut_bytes} bytes were cut`);
  if (repaired.damaged_lines > 0) log.error('the journal has unreadable lines', { ...repaired });
  journal.onHealth((health) => {
    if (health.state === 'ok')
      log.info('the journal is written again; nothing was lost while it was not');
    else
      log.error(
        `the journal cannot be written (${health.code}): the training goes on, nothing is decided until it can`,
      );
  });
  return opened;
}
