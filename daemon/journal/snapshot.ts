import { readFile } from 'node:fs/promises';
import { JournalDamaged } from './errors.js';
import { codeOf } from './fs.js';

export interface Snapshot<S> {
  /** The last entry folded into `state`. */
  seq: number;
  state: S;
}

export type SnapshotRead<S> =
  | ({ is: 'whole' } & Snapshot<S>)
  | { is: 'missing' }
  | { is: 'damaged' };

/**
 * Reads one snapshot file, `{v: 1, seq, state}`.
 * @throws JournalDamaged for a later version: guessing at it could undo what that version wrote.
 */
export async function readSnapshot<S>(path: string): Promise<SnapshotRead<S>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { is: 'missing' };
    // Matched by name: in a test runner's realm it is no instance of this realm's SyntaxError.
    if ((error as Error).name === 'SyntaxError') return { is: 'damaged' };
    throw error;
  }
  if (typeof value !== 'object' || value === null) return { is: 'damaged' };
  const { v, seq, state } = value as { v?: unknown; seq?: unknown; state?: unknown };
  if (typeof v === 'number' && v > 1) {
    throw new JournalDamaged(
      `${path} has version ${v}; this version reads 1. Run the version that wrote it, or move the state folder away to begin anew.`,
    );
  }
  if (v !== 1 || !Number.isSafeInteger(seq) || (seq as number) < 0 || state === undefined) {
    return { is: 'damaged' };
  }
  return { is: 'whole', seq: seq as number, state: state as S };
}

/** The bytes of a snapshot file. The state must survive JSON: no NaN, Map or undefined in arrays. */
export const snapshotBytes = (snapshot: Snapshot<unknown>): Buffer =>
  Buffer.from(`${JSON.stringify({ v: 1, seq: snapshot.seq, state: snapshot.state })}\n`);
