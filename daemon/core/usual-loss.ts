/** What the loss of a run is usually like. */
export interface UsualLoss {
  /** How often it was told, up to a limit. */
  readonly n: number;
  /** Geometric mean of the last ones. */
  readonly mean: number;
  /** The highest that this mean has been since it meant anything. */
  readonly highest: number;
}

/** So many were told before anything is made of them; at most one a second counts. */
const ENOUGH = 30;
const REMEMBERED = 200;
/** A loss is wild beyond so many times the highest it usually was: where the run began, more or less. No
 * healthy one comes near, however small the loss has become since. */
const WILD = 1000;

/** One more loss. Those that are no positive numbers say nothing of a scale. */
export function withLoss(usual: UsualLoss | undefined, loss: number | null): UsualLoss | undefined {
  if (loss === null || !(loss > 0) || isWild(usual, loss)) return usual;
  if (usual === undefined) return { n: 1, mean: loss, highest: 0 };
  const n = Math.min(usual.n + 1, REMEMBERED);
  const mean = Math.exp(Math.log(usual.mean) + (Math.log(loss) - Math.log(usual.mean)) / n);
  return { n, mean, highest: n < ENOUGH ? 0 : Math.max(usual.highest, mean) };
}

export function isWild(usual: UsualLoss | undefined, loss: number): boolean {
  return usual !== undefined && usual.highest > 0 && Math.abs(loss) > WILD * usual.highest;
}
