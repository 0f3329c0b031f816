/**
 * What earlier looks saw, in memory only: since when each checkpoint has had its present
 * fingerprint, and a bad verdict that is not yet old enough to be acted on. Spares the second
 * reading of a file that is waited for.
 */
export interface Looks<V> {
  /** Milliseconds since this fingerprint was first seen without a change between; 0 when new. */
  age(path: string, digest: string): number;
  /** The verdict kept for the fingerprint last seen. */
  verdict(path: string): V | undefined;
  keep(path: string, verdict: V): void;
  /** Forgets every path but these. */
  retain(paths: ReadonlySet<string>): void;
}

export function createLooks<V>(now: () => number): Looks<V> {
  const seen = new Map<string, { digest: string; since: number; verdict?: V }>();
  return {
    age(path, digest) {
      const last = seen.get(path);
      if (last?.digest === digest) return now() - last.since;
      seen.set(path, { digest, since: now() });
      return 0;
    },
    verdict: (path) => seen.get(path)?.verdict,
    keep(path, verdict) {
      const last = seen.get(path);
      if (last !== undefined) last.verdict = verdict;
    },
    retain(paths) {
      for (const path of seen.keys()) if (!paths.has(path)) seen.delete(path);
    },
  };
}
