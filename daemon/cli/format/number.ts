/** `1.8 steps/s`, or from ten seconds a step on the other way round: `12.0 s/step`. */
export function rate(stepsPerSecond: number): string {
  if (!Number.isFinite(stepsPerSecond) || stepsPerSecond <= 0) return '? steps/s';
  if (stepsPerSecond < 0.995) return `${significant(1 / stepsPerSecond)} s/step`;
  return `${significant(stepsPerSecond)} steps/s`;
}

/** `120/400`, or `120` where the total is not known. */
export function steps(step: number | null, total: number | null): string {
  if (step === null) return total === null ? '-' : `0/${total}`;
  return total === null ? String(step) : `${step}/${total}`;
}

/** Rounded down, so that 100 % is said of a whole run only; null where the total is not known. */
export function percent(step: number | null, total: number | null): string | null {
  if (step === null || total === null || total <= 0) return null;
  return `${Math.min(100, Math.floor((100 * step) / total))} %`;
}

/** Three digits that count: `0.0812`, `1.23`, `NaN`, `1.2e-7`. */
export function loss(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(1);
  return significant(value);
}

/** `97 %` of a ratio from 0 to 1. */
export function ratio(value: number): string {
  return `${Math.round(100 * value)} %`;
}

function significant(value: number): string {
  const text = value.toPrecision(3);
  return text.includes('e') ? String(Math.round(value)) : text;
}

/** `1 step`, `2 steps`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
