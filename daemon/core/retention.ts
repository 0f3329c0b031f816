/** The evidence of one attempt. */
export interface EvidenceSet {
  readonly attempt: number;
  readonly bytes: number;
}

/**
 * Sets of evidence that have to go, by attempt, the oldest first: those beyond the newest `keep`, and
 * then as many of the older ones as it takes to fit into `max_bytes`. A set is kept whole or not at
 * all, and the last one always: it is the one that somebody is about to read.
 */
export function evidenceToRemove(
  sets: readonly EvidenceSet[],
  keep: number,
  max_bytes: number,
): readonly EvidenceSet[] {
  const newestFirst = [...sets].sort((a, b) => b.attempt - a.attempt);
  let bytes = 0;
  const kept = newestFirst.findIndex((set, i) => {
    bytes += set.bytes;
    return i > 0 && (i >= keep || bytes > max_bytes);
  });
  return kept < 0 ? [] : newestFirst.slice(kept).reverse();
}
