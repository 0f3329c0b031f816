import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Baselines } from '../../bench/chaos/baseline.js';
import type { Home } from '../../bench/chaos/home.js';
import { judge } from '../../bench/chaos/judge.js';
import type { Night } from '../../bench/chaos/night.js';
import type { Plan } from '../../bench/chaos/plan.js';
import { type Entry, fold, statusOf } from '../../daemon/core/index.js';

const PLAN: Plan = {
  ...{ seed: 1, n: 0, scenario: 'hang', deeds: [], settings: {}, must: ['hang_confirmed'] },
  program: {
    ...{ kind: 'python', steps: 20, step_seconds: 0.05, save_every: 10, beats: false },
    faults: ['hang@12'],
  },
  expected: { is: 'identical' },
  causes: ['hang'],
  limit_seconds: 60,
};

let root: string;
let baselines: Baselines;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nightwarden-judge-'));
  for (const folder of ['state', 'work/out', 'peace'])
    mkdirSync(join(root, folder), { recursive: true });
  baselines = new Baselines(join(root, 'peace'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Bare = { [key: string]: unknown; type: Entry['type'] };
const trainer = { pid: 1, start_ticks: 1, boot_id: 'b' };
const spec = { name: 'chaos', trainer: 'command', target_step: 20, has_artefact: true };
const start = (attempt: number, reason: string): Bare[] => [
  { type: 'attempt_starting', attempt, reason, from: null, lost_steps: 0 },
  { type: 'attempt_started', attempt, shepherd: trainer, trainer },
];
const ends = (attempt: number, cause: string): Bare => {
  const exit = { code: 0, signal: null };
  return { type: 'attempt_ended', attempt, exit, cause, reason: cause, signature: '' };
};
const hang: Bare = {
  type: 'hang_confirmed',
  attempt: 1,
  phase: 'step',
  silent_seconds: 8,
  why: '',
};
const NIGHT: Bare[] = [
  { type: 'daemon_started', pid: 1, version: '1', boot_id: 'b' },
  { type: 'job_queued', spec: { ...spec, plan: {}, profile: 'p' } },
  ...[...start(1, 'start'), hang, ends(1, 'hang'), ...start(2, 'hang'), ends(2, 'done')],
  { type: 'job_finished', step: 20, artefact: 'out/final.safetensors' },
];

/** A night as it went well, with its journal on disk. */
async function night(bare: readonly Bare[], own: Partial<Night> = {}): Promise<Night> {
  const entries = bare.map((event, i) => ({ job: 'chaos', ...event, seq: i + 1, time: 100 + i }));
  const all = entries as unknown as Entry[];
  const home = { root, state: join(root, 'state'), work: join(root, 'work') } as Home;
  writeFileSync(
    join(home.state, 'journal.jsonl'),
    all.map((entry) => `${JSON.stringify(entry)}\n`).join(''),
  );
  const last = statusOf(fold(all), 200, true).jobs[0] ?? null;
  const made = [{ attempt: 1, step: 12, time: 101.5 }];
  const common = { plan: PLAN, home, entries: all, told: [], last, over: true, made, done: [] };
  return { ...common, starts: 1, wrong: [], seconds: 1, clear: () => {}, ...own };
}

const result = (text: string): void =>
  writeFileSync(join(root, 'work/out/final.safetensors'), text);

async function wrongOf(seen: Night): Promise<string | null> {
  return (await judge(seen, baselines)).wrong;
}

test('the bytes are those of a run that nothing befell, or something is wrong', async () => {
  const seen = await night(NIGHT);
  result('other bytes');
  expect(await wrongOf(seen)).toMatch(/^it ended finished with other bytes, expected: identical$/);
  // The program by itself, without a supervisor, is what tells the right ones.
  const [folder] = readdirSync(join(root, 'peace'));
  cpSync(join(root, 'peace', folder!, 'out'), join(root, 'work/out'), { recursive: true });
  expect(await judge(seen, baselines)).toMatchObject({ outcome: 'identical', wrong: null });
});

test.each<[string, Bare[], RegExp]>([
  [
    'a hang too many',
    [...NIGHT.slice(0, 5), hang, ...NIGHT.slice(5)],
    /2 hangs confirmed where 1 were made/,
  ],
  [
    'an end without a reason',
    [...NIGHT.slice(0, 5), ends(1, 'nan'), ...NIGHT.slice(6)],
    /attempt 1 ended of nan/,
  ],
  ['a fault unseen', NIGHT.filter((event) => event !== hang), /no hang_confirmed was seen/],
  ['the same attempt twice', [...NIGHT, ...start(2, 'hang')], /attempt 2 was started twice/],
])('%s is wrong', async (_, events, expected) => {
  result('x');
  expect(await wrongOf(await night(events))).toMatch(expected);
});

test('a journal that lacks an entry, or what the daemon once said, is wrong', async () => {
  const whole = await night(NIGHT);
  const hole = { ...whole, entries: whole.entries.filter(({ seq }) => seq !== 4) };
  expect(await wrongOf(hole)).toMatch(/entry 4 is missing/);
  const told = [{ ...whole.last!, step: 999 }];
  expect(await wrongOf({ ...whole, told })).toMatch(/once said what is not in the journal/);
  const last = { ...whole.last!, attempt: 7 };
  expect(await wrongOf({ ...whole, last })).toMatch(/the daemon said .*"attempt":7/);
});

test('a verdict is timed from the last step of the trainer itself', async () => {
  result('x');
  const { detection_seconds, samples } = await judge(await night(NIGHT), baselines);
  expect(detection_seconds).toEqual([2.5]);
  expect(samples).toMatchObject([{ of: 'idle', phase: 'step', step_seconds: 0.05, target: 10 }]);
});

test('not over within its limit is wrong', async () => {
  expect(await wrongOf(await night(NIGHT, { over: false }))).toMatch(/it ended not within 60 s/);
});
