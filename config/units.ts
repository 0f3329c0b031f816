const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)$/i;

/**
 * A size in bytes from a number or from text such as `64MiB`, `2 GB`, `1.5GiB`.
 * kB, MB, GB are powers of ten and KiB, MiB, GiB powers of two (IEC 80000-13), in any case.
 * Returns null for anything else; a bare `64M` is refused, since it may mean either.
 */
export function parseBytes(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (typeof value !== 'string') return null;
  const text = value.trim();
  const match = SIZE.exec(text);
  const unit = match ? UNITS[match[2]!.toLowerCase()] : /^\d+$/.test(text) ? 1 : undefined;
  if (unit === undefined) return null;
  const bytes = Math.round(Number(match ? match[1] : text) * unit);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Bytes as the shortest exact binary size: 10485760 is `10MiB`, 1000 stays `1000`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const size = UNITS[unit.toLowerCase()]!;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

const SPANS: Readonly<Record<string, number>> = { ms: 1e-3, s: 1, m: 60, min: 60, h: 3600 };

/** What `10m` or `2h` would be in seconds, for a hint; null when the text is no duration. */
export function secondsMeant(value: unknown): number | null {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)$/.exec(value) : null;
  return match ? Number(match[1]) * SPANS[match[2]!]! : null;
}
