/**
 * How the figure of a progress bar becomes the run's own step, where a resumed program counts anew.
 * Every source is a regular expression.
 */
export type AbsoluteRule = EpochsRule | BarsRule;

/**
 * kohya's programs: the bar starts at 0 in every process, and the epochs that were skipped tell
 * where the run stands. A resume in mid-epoch shortens the bar by the steps it skips.
 */
export interface EpochsRule {
  readonly by: 'epochs';
  /** Batches of an epoch, and how many of them make a step. */
  readonly batches: string;
  readonly accumulation: string;
  /** The steps of the run, as the program counts them. */
  readonly total: string;
  /** The epoch that begins, from 1; its first line says how many were skipped. */
  readonly epoch: string;
  /** The state resumed from, for programs that begin at epoch 1 again: the groups `first` (epochs
   * before the attempt that wrote it) and `epoch` (its epoch there) are added up. */
  readonly resumed: string | null;
}

/** OneTrainer: one bar counts the epochs that are left, the other the steps of an epoch. */
export interface BarsRule {
  readonly by: 'bars';
  /** Groups `n` and `total` of the bar of epochs. */
  readonly epoch_bar: string;
  /** The epochs of the whole run. */
  readonly epochs: number;
}

/** A figure in the run's own count; null while the lines seen do not tell it. */
export interface Counter {
  /** Takes each whole line, before its figures are read. */
  take(line: string): void;
  step(n: number, of: number | null): number | null;
  total(of: number | null): number | null;
}

/** The counter of a rule; without one the bar's figures are the run's own. */
export function counterOf(rule: AbsoluteRule | undefined): Counter {
  if (rule === undefined) return { take: () => {}, step: (n) => n, total: (of) => of };
  return rule.by === 'epochs' ? byEpochs(rule) : byBars(rule);
}

type Figure = number | undefined;

function byEpochs(rule: EpochsRule): Counter {
  const batches = new RegExp(rule.batches);
  const accumulation = new RegExp(rule.accumulation);
  const total = new RegExp(rule.total);
  const epoch = new RegExp(rule.epoch);
  const resumed = rule.resumed === null ? null : new RegExp(rule.resumed);
  const seen: { batches?: Figure; accumulation?: Figure; total?: Figure; epoch?: Figure } = {};
  let before = 0;
  const perEpoch = (): number | null =>
    seen.batches === undefined ? null : Math.ceil(seen.batches / (seen.accumulation ?? 1));
  const earlier = (): number | null => {
    const each = perEpoch();
    return each === null ? (before === 0 ? 0 : null) : before * each;
  };
  return {
    take(line) {
      seen.batches ??= figure(batches, line);
      seen.accumulation ??= figure(accumulation, line);
      seen.total ??= figure(total, line);
      seen.epoch ??= figure(epoch, line);
      const { first, epoch: done } = resumed?.exec(line)?.groups ?? {};
      if (done !== undefined) before = Number(first ?? 0) + Number(done);
    },
    step(n, of) {
      const each = perEpoch();
      const skipped = earlier();
      if (each === null || skipped === null || of === null) return null;
      if (seen.epoch === undefined || seen.total === undefined) return null;
      const within = Math.max(0, seen.total - of);
      return skipped + (seen.epoch - 1) * each + within + n;
    },
    total(of) {
      const skipped = of === null ? null : earlier();
      return seen.total === undefined || skipped === null ? null : skipped + seen.total;
    },
  };
}

function byBars(rule: BarsRule): Counter {
  const bar = new RegExp(rule.epoch_bar);
  let epoch: number | null = null;
  return {
    take(line) {
      const { n, total } = bar.exec(line)?.groups ?? {};
      if (n !== undefined && total !== undefined) epoch = rule.epochs - Number(total) + Number(n);
    },
    // The bar of epochs may be drawn anew before that of the steps is seen the last time.
    step: (n, of) =>
      epoch === null || of === null ? null : Math.min(epoch * of + n, rule.epochs * of),
    total: (of) => (of === null ? null : rule.epochs * of),
  };
}

function figure(pattern: RegExp, line: string): Figure {
  const text = pattern.exec(line)?.[1];
  return text === undefined ? undefined : Number(text);
}
