import { parentPort } from 'node:worker_threads';
import { LINEAGE_VARIABLE } from '../../trainer/process/lineage.js';
import { isAlive, nameOf, pids, readOf } from './processes.js';
import type { Order, Told } from './watchman.js';

/** How often the processes of this machine are looked at, in ms. */
const EVERY_MS = 20;
/** A process that carries no mark at so many looks is none of ours: it is past its exec. */
const LOOKS_TO_BE_SURE = 5;

interface Marked {
  readonly pid: number;
  readonly lineage: string;
  readonly attempt: string;
}

const port = parentPort!;
const watched = new Set<string>();
const known = new Map<number, { looks: number; mark: string | null }>();
let looks = 0;
let longestGap = 0;
let last = performance.now();

const timer = setInterval(look, EVERY_MS);
port.on('message', (order: Order) => {
  if (order.do === 'watch') watched.add(order.lineage);
  if (order.do === 'forget') watched.delete(order.lineage);
  if (order.do !== 'end') return;
  clearInterval(timer);
  port.postMessage({ is: 'looks', looks, longestGap } satisfies Told);
  port.close();
});

function look(): void {
  const now = performance.now();
  longestGap = Math.max(longestGap, now - last);
  last = now;
  looks += 1;
  const all = pids();
  const here = new Set(all);
  for (const pid of known.keys()) if (!here.has(pid)) known.delete(pid);
  const living = all.flatMap((pid): Marked[] => {
    const [lineage = '', attempt = ''] = (markOf(pid) ?? '').split('/');
    if (!watched.has(lineage) || !isAlive(pid) || isShepherd(pid)) return [];
    return [{ pid, lineage, attempt }];
  });
  for (const lineage of watched) compare(living.filter((one) => one.lineage === lineage));
}

/** They were looked at one after the other: whoever is still alive now was so when the last was seen. */
function compare(found: readonly Marked[]): void {
  if (attemptsOf(found) < 2) return;
  const still = found.filter(({ pid }) => isAlive(pid));
  if (attemptsOf(still) < 2) return;
  const who = still.map(({ pid, attempt }) => `${pid} of attempt ${attempt} (${nameOf(pid)})`);
  const what = `processes of two attempts at once: ${who.join(', ')}`;
  port.postMessage({ is: 'two', lineage: still[0]!.lineage, what } satisfies Told);
}

const attemptsOf = (found: readonly Marked[]): number =>
  new Set(found.map(({ attempt }) => attempt)).size;

/** Lineage and attempt, from its environment. */
function markOf(pid: number): string | null {
  const before = known.get(pid);
  if (before !== undefined && (before.mark !== null || before.looks >= LOOKS_TO_BE_SURE))
    return before.mark;
  const start = `${LINEAGE_VARIABLE}=`;
  const variables = readOf(pid, 'environ').split('\0');
  const mark = variables.find((one) => one.startsWith(start))?.slice(start.length) ?? null;
  // What a shepherd was started ahead with: its trainer gets its own by the exec that is about to come.
  if (mark?.endsWith('/standby')) return null;
  known.set(pid, { looks: (before?.looks ?? 0) + 1, mark });
  return mark;
}

/** A shepherd trains nothing; it becomes the trainer by the exec that changes its command line. */
const isShepherd = (pid: number): boolean => readOf(pid, 'cmdline').includes('/shepherd.sh');
