import { join } from 'node:path';

/** The names in the state folder. Only one previous segment and snapshot are kept. */
export const files = (dir: string) => ({
  dir,
  journal: join(dir, 'journal.jsonl'),
  previousJournal: join(dir, 'journal.prev.jsonl'),
  journalTemp: join(dir, 'journal.jsonl.tmp'),
  snapshot: join(dir, 'snapshot.json'),
  previousSnapshot: join(dir, 'snapshot.prev.json'),
  snapshotTemp: join(dir, 'snapshot.json.tmp'),
  damagedJournal: (time: number, n: number) =>
    join(dir, `journal.damaged-${Math.floor(time)}${n === 0 ? '' : `-${n}`}.jsonl`),
  damagedSnapshot: (time: number) => join(dir, `snapshot.damaged-${Math.floor(time)}.json`),
});

export type Files = ReturnType<typeof files>;
