import { mkdir } from 'node:fs/promises';
import { nodeFs } from './fs.js';
import { Health } from './health.js';
import { DiskJournal, numbered } from './journal.js';
import { load } from './load.js';
import { PendingQueue } from './queue.js';
import { repair } from './repair.js';
import { Segment } from './segment.js';
import type { JournalOptions, Opened, Timer } from './types.js';
import { Writer } from './writer.js';

const wallTimer: Timer = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/**
 * Loads the state from `dir` (snapshot.json `{v: 1, seq, state}`, then each line of journal.jsonl
 * with a greater seq), mends what a crash left, and opens the journal for appending. The caller
 * holds the folder's lock. A disk that is full or read-only is no reason to fail: the journal
 * starts degraded.
 *
 * @throws JournalDamaged when the state can not be rebuilt; node's own error for a path that is
 * no folder or not ours to write.
 */
export async function openJournal<E extends { type: string }, S>(
  options: JournalOptions<E, S>,
): Promise<Opened<E, S>> {
  const { dir, now, fs = nodeFs, timer = wallTimer } = options;
  await mkdir(dir, { recursive: true });
  const loaded = await load(options);
  const { repaired, good } = await repair(fs, dir, loaded, now());

  const segment = new Segment(fs, dir, good);
  const queue = new PendingQueue(options.maxPending ?? 100_000);
  const health = new Health(now, () => ({ pending: queue.length, dropped: queue.dropped }));
  const gapEvent = options.gap ?? ((dropped: number) => ({ type: 'journal_gap', dropped }));
  const writer = new Writer({
    segment,
    health,
    queue,
    writtenSeq: loaded.seq,
    renderGap: ({ seq, gap }) =>
      numbered(gapEvent(gap?.dropped ?? 0), seq, gap?.time ?? now()).line,
    retryMs: options.retryMs ?? 1000,
    timer,
  });
  await writer.start();

  const journal = new DiskJournal<E, S>({
    segment,
    health,
    writer,
    compaction: { fs, dir, writer, segment, onDisk: { is: loaded.snapshot }, now },
    now,
    timer,
    closeMs: options.closeMs ?? 5000,
    seq: loaded.seq,
  });
  return { journal, state: loaded.state, repaired };
}
