import type { Difference, Doubt, Fact, Outcome } from './types.js';

/** A doubt, and which stretch without progress of the night it belongs to. */
export interface Placed {
  readonly fact: Doubt;
  readonly stretch: number;
}

/** Two verdicts this close are the same: a poll, a look, the second up to which progress is told
 * late; and for long silences a part of them. */
const SAME = { seconds: 1.5, part: 0.05 };

/** Pairs what was decided with what would have been, stretch by stretch. */
export function compareDoubts(
  recorded: readonly Placed[],
  today: readonly Placed[],
): readonly Difference[] {
  const left = [...today];
  const found: Difference[] = [];
  for (const was of recorded) {
    const at = left.findIndex(
      ({ fact, stretch }) => stretch === was.stretch && fact.kind === was.fact.kind,
    );
    const [is] = at < 0 ? [] : left.splice(at, 1);
    const difference = compareTwo(was.fact, is?.fact ?? null);
    if (difference !== null) found.push(difference);
  }
  for (const { fact } of left) {
    found.push({ kind: fact.kind, how: 'new', seconds: null, recorded: null, today: fact });
  }
  return found.sort(byTime);
}

function compareTwo(recorded: Doubt, today: Doubt | null): Difference | null {
  const { kind } = recorded;
  if (today === null) return { kind, how: 'not at all', seconds: null, recorded, today };
  const seconds = today.silent_seconds - recorded.silent_seconds;
  const by = today.time - recorded.time;
  const same = Math.max(SAME.seconds, SAME.part * recorded.silent_seconds);
  if (Math.abs(by) <= same) return null;
  const how = by < 0 ? 'earlier' : 'later';
  return { kind, how, seconds: Math.abs(by || seconds), recorded, today };
}

export function compareOutcomes(recorded: Outcome, today: Outcome | null): Difference | null {
  const { kind } = recorded;
  if (today === null) return null;
  const open = recorded.followed_by === 'nothing' || today.followed_by === 'nothing';
  if (recorded.cause === today.cause && (open || recorded.followed_by === today.followed_by))
    return null;
  return { kind, how: 'otherwise', seconds: null, recorded, today };
}

export function byTime(a: Difference, b: Difference): number {
  return timeOf(a) - timeOf(b);
}

const timeOf = ({ recorded, today }: Difference): number =>
  ((recorded ?? today) as Fact | null)?.time ?? 0;
