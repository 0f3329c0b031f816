import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What was written down when an attempt was begun, as far as another daemon needs it; null where that is
 * not known. */
export interface Facts {
  /** The boot in which it was begun. */
  readonly boot_id: string | null;
  /** The kernel's count of out-of-memory kills then. */
  readonly oom_kills: number | null;
}

export function readFacts(dir: string): Facts {
  try {
    const { boot_id, oom_kills } = JSON.parse(
      readFileSync(join(dir, 'attempt.json'), 'utf8'),
    ) as Record<string, unknown>;
    return {
      boot_id: typeof boot_id === 'string' ? boot_id : null,
      oom_kills: typeof oom_kills === 'number' ? oom_kills : null,
    };
  } catch {
    // Absent or half written: the claim file decides.
    return { boot_id: null, oom_kills: null };
  }
}
