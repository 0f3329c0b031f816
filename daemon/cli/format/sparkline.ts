const BARS = '▁▂▃▄▅▆▇█';

/**
 * A small graph of a series, the mean of neighbours where there are more values than `width`. The
 * lowest value is the lowest bar. What is not a finite number is a gap.
 */
export function sparkline(values: readonly number[], width: number): string {
  if (values.length === 0 || width < 1) return '';
  const points = squeeze(values, Math.min(width, values.length));
  const finite = points.filter(Number.isFinite);
  const low = Math.min(...finite);
  const span = Math.max(...finite) / 2 - low / 2; // halves: the whole may be beyond a double
  return points.map((value) => bar(value, low, span)).join('');
}

function bar(value: number, low: number, span: number): string {
  if (!Number.isFinite(value)) return ' ';
  if (span === 0) return BARS[0]!;
  return BARS[Math.min(BARS.length - 1, Math.floor(((value / 2 - low / 2) / span) * BARS.length))]!;
}

function squeeze(values: readonly number[], width: number): number[] {
  return Array.from({ length: width }, (_, i) => {
    const from = Math.floor((i * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / width));
    const part = values.slice(from, to).filter(Number.isFinite);
    return part.length === 0 ? Number.NaN : part.reduce((a, b) => a + b / part.length, 0);
  });
}
