import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type EvidenceSet, evidenceToRemove } from '../../core/index.js';
import type { Surroundings } from './context.js';
import { jobPaths } from './paths.js';

/** Removes the evidence of older attempts by the rule of the configuration and tells of it. Never
 * rejects: what cannot be removed is a warning, and tried again the next time. */
export async function keepEvidence(
  name: string,
  at: Pick<Surroundings, 'home' | 'settings' | 'observe' | 'log'>,
  /** The daemon has closed its journal meanwhile: there is nobody left to tell. */
  gone: () => boolean,
): Promise<void> {
  const { evidence_keep, evidence_max_bytes } = at.settings;
  try {
    const paths = jobPaths(at.home, name);
    const sets = await evidenceOf(paths);
    const removed: EvidenceSet[] = [];
    for (const set of evidenceToRemove(sets, evidence_keep, evidence_max_bytes)) {
      await rm(folderOf(paths, set.attempt), { recursive: true, force: true });
      removed.push(set);
    }
    if (removed.length === 0 || gone()) return;
    const bytes = removed.reduce((sum, set) => sum + set.bytes, 0);
    const attempts = removed.map(({ attempt }) => attempt);
    await at.observe({ is: 'evidence_removed', job: name, attempts, bytes });
  } catch (error) {
    if (!gone())
      at.log.warn(`${name}: older evidence cannot be removed: ${(error as Error).message}`);
  }
}

type Paths = ReturnType<typeof jobPaths>;

const folderOf = (paths: Paths, attempt: number): string =>
  join(paths.attempt(attempt), 'evidence');

async function evidenceOf(paths: Paths): Promise<EvidenceSet[]> {
  const names = (await orNone(readdir(dirname(paths.attempt(1))))) ?? [];
  const attempts = names.filter((name) => /^[1-9]\d*$/.test(name)).map(Number);
  const sets = await Promise.all(
    attempts.map(async (attempt) => {
      const bytes = await sizeOf(folderOf(paths, attempt));
      return bytes === null ? null : { attempt, bytes };
    }),
  );
  return sets.filter((set) => set !== null);
}

/** Bytes in a folder; null where there is none. */
async function sizeOf(dir: string): Promise<number | null> {
  const files = await orNone(readdir(dir, { recursive: true }));
  if (files === null) return null;
  const sizes = await Promise.all(
    files.map(async (file) => (await orNone(stat(join(dir, file))))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function orNone<T>(read: Promise<T>): Promise<T | null> {
  return await read.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
}
