/** The loss of a run over its steps, in bins of equally many steps. Plain JSON. */
export interface Losses {
  /** Steps of a bin: a power of two that grows with the run. */
  readonly width: number;
  /** The latest step whose loss was told. */
  readonly last: number;
  /** Those that were told a loss, in the order of their steps: the bin's number, how often, the mean. */
  readonly bins: readonly LossBin[];
}

type LossBin = readonly [bin: number, n: number, mean: number];

const MOST_BINS = 256;

/** One more loss. Where a resume went back, what is told now takes the place of what was beyond. */
export function addLoss(
  losses: Losses | undefined,
  step: number,
  loss: number | null,
): Losses | undefined {
  if (loss === null || !Number.isFinite(loss) || !(step >= 0)) return losses;
  const { width, last, bins } = losses ?? { width: 1, last: step, bins: [] };
  const bin = binOf(step, width);
  const before = step < last ? bins.filter(([at]) => at < bin) : bins;
  const newest = before.at(-1);
  const added: LossBin = [bin, 1, loss];
  return newest?.[0] === bin
    ? { width, last: step, bins: before.with(-1, joined(newest, added)) }
    : narrowed({ width, last: step, bins: [...before, added] });
}

/** Mean of the losses told after one step and up to another, to the width of a bin; null where none was. */
export function meanLoss({ width, bins }: Losses, after: number, upTo: number): number | null {
  const within = bins.filter(([bin]) => {
    const middle = bin * width + (width + 1) / 2;
    return middle > after && middle <= upTo;
  });
  const [first, ...others] = within;
  return first === undefined ? null : others.reduce(joined, first)[2];
}

const binOf = (step: number, width: number): number => Math.floor(Math.max(0, step - 1) / width);

function narrowed(losses: Losses): Losses {
  let { width, bins } = losses;
  while (bins.length > MOST_BINS) {
    width *= 2;
    bins = paired(bins);
  }
  return { ...losses, width, bins };
}

function paired(bins: readonly LossBin[]): LossBin[] {
  const wider: LossBin[] = [];
  for (const [at, n, mean] of bins) {
    const bin: LossBin = [Math.floor(at / 2), n, mean];
    const before = wider.at(-1);
    if (before?.[0] === bin[0]) wider[wider.length - 1] = joined(before, bin);
    else wider.push(bin);
  }
  return wider;
}

/** Shares and no sums: these stay finite however large a loss is. */
function joined([bin, n, mean]: LossBin, [, m, other]: LossBin): LossBin {
  return [bin, n + m, mean * (n / (n + m)) + other * (m / (n + m))];
}
