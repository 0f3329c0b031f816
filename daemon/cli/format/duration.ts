/**
 * A duration for people, two units at most: `0.4 s`, `42 s`, `3 min 5 s`, `1 h 12 min`, `2 d 3 h`.
 * @param seconds negative ones count as none.
 */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const exact = Math.max(0, seconds);
  if (exact < 9.95) return `${exact.toFixed(1)} s`;
  const whole = Math.round(exact);
  if (whole < MINUTE) return `${whole} s`;
  const [big, small] = UNITS.find(([unit]) => whole >= unit.seconds)!;
  // Rounded in the smaller unit first, so that 119.9 min does not become "1 h 60 min".
  const parts = Math.round(whole / small.seconds) * small.seconds;
  const rest = Math.floor((parts % big.seconds) / small.seconds);
  const head = `${Math.floor(parts / big.seconds)} ${big.name}`;
  return rest === 0 ? head : `${head} ${rest} ${small.name}`;
}

/** `3 min 5 s ago`, `in 20 s`, `just now`. Both in Unix seconds. */
export function relative(time: number, now: number): string {
  const ago = now - time;
  if (Math.abs(ago) < 1) return 'just now';
  return ago > 0 ? `${duration(ago)} ago` : `in ${duration(-ago)}`;
}

/** `14.2 s` since a start, of one width for the first hundred seconds: for a column of lines. */
export function elapsed(seconds: number): string {
  return seconds < 99.95 ? `${seconds.toFixed(1).padStart(4)} s` : duration(seconds);
}

interface Unit {
  readonly seconds: number;
  readonly name: string;
}

const MINUTE = 60;
const day: Unit = { seconds: 86_400, name: 'd' };
const hour: Unit = { seconds: 3600, name: 'h' };
const minute: Unit = { seconds: MINUTE, name: 'min' };
const second: Unit = { seconds: 1, name: 's' };
const UNITS: readonly (readonly [Unit, Unit])[] = [
  [day, hour],
  [hour, minute],
  [minute, second],
];
