import {
  type Entry,
  type JournalFs,
  type JournalOptions,
  openJournal,
} from '../../../daemon/journal/index.js';

/** An event and a fold that notice a lost, doubled or reordered entry. */
export type Event =
  | { type: 'note'; value: string | number }
  | { type: 'journal_gap'; dropped: number };
export interface Ledger {
  seqs: number[];
  values: (string | number)[];
  dropped: number;
}

export const EMPTY: Ledger = { seqs: [], values: [], dropped: 0 };

export function apply(state: Ledger, entry: Event & Entry): Ledger {
  const seqs = [...state.seqs, entry.seq];
  return entry.type === 'note'
    ? { ...state, seqs, values: [...state.values, entry.value] }
    : { ...state, seqs, dropped: state.dropped + entry.dropped };
}

export const fold = (state: Ledger, entries: readonly (Event & Entry)[]): Ledger =>
  entries.reduce(apply, state);

export const note = (value: string | number): Event => ({ type: 'note', value });

export type Extra = Partial<JournalOptions<Event, Ledger>> & { fs?: JournalFs };

let clock = 1_700_000_000;

export const openLedger = (dir: string, extra: Extra = {}) =>
  openJournal<Event, Ledger>({
    dir,
    initial: EMPTY,
    apply,
    now: () => {
      clock += 1;
      return clock;
    },
    ...extra,
  });
