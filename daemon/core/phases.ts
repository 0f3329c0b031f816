/** The phases that have budgets of their own, in the order in which a run passes through them. */
export const PHASES = [
  'startup',
  'load',
  'cache',
  'first_step',
  'step',
  'checkpoint',
  'sample',
  'validate',
  'finish',
] as const;

export type Phase = (typeof PHASES)[number];

/** A trainer may name phases we do not know; they are judged by the budgets of `validate`, the
 * slackest of those that recur in mid-training, never by those of `step`. */
export function knownPhase(name: string): Phase {
  return (PHASES as readonly string[]).includes(name) ? (name as Phase) : 'validate';
}
