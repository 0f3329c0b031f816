/**
 * The known keys nearest to an unknown one, best first, at most three; several only when they are
 * equally near. Empty when nothing is near enough to be a likely slip.
 *
 * The key meant may live in another section, so a key is compared with its siblings, with keys of
 * the same name elsewhere (one step dearer), and by its whole path.
 */
export function nearestKeys(given: string, known: readonly string[]): string[] {
  const limit = Math.max(1, Math.floor(lastPart(given).length * 0.4));
  let best = limit;
  let found: string[] = [];
  for (const candidate of known) {
    const cost = keyCost(given, candidate, best);
    if (cost > best) continue;
    if (cost < best) found = [];
    best = cost;
    found.push(candidate);
  }
  const parent = parentOf(given);
  const foreign = (key: string) => (parentOf(key) === parent ? 0 : 1);
  return found.sort((a, b) => foreign(a) - foreign(b)).slice(0, 3);
}

function keyCost(given: string, known: string, limit: number): number {
  // Words that differ in length by more than the limit are further apart than the limit.
  const apart = (a: string, b: string) =>
    Math.abs(a.length - b.length) > limit ? Number.POSITIVE_INFINITY : editDistance(a, b);
  const elsewhere = parentOf(given) === parentOf(known) ? 0 : 1;
  const [a, b] = [lastPart(given), lastPart(known)];
  return Math.min(
    apart(given, known),
    apart(a, b) + elsewhere,
    // `hang.floor` for `hang.floor_seconds`: the unit is what people leave out or mistake.
    apart(withoutUnit(a), withoutUnit(b)) + elsewhere + 1,
  );
}

const lastPart = (path: string): string => path.slice(path.lastIndexOf('.') + 1);
const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')));
const withoutUnit = (key: string): string => key.replace(/_(seconds|bytes)$/, '');

/**
 * Edits between two words: insertions, deletions, substitutions and swaps of neighbours, each
 * counted once (optimal string alignment, the restricted Damerau-Levenshtein distance).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + changed);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
