import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  type Entry,
  type Event,
  initialState,
  reduce,
  type State,
} from '../../daemon/core/index.js';
import { openJournal, readRecording } from '../../daemon/journal/index.js';
import { run } from '../cli/helpers/cli-process.js';
import { tempFolder } from '../cli/helpers/temp.js';

const NIGHT = join(import.meta.dirname, '../fixtures/nights/dozer.jsonl');

let home: string;
beforeEach(() => {
  home = tempFolder();
});

const replay = (...args: string[]) => run(['replay', ...args, '--home', home], home);

describe('nightwarden replay', () => {
  test('tells of a file as JSON and in words, by the settings of the home', async () => {
    const same = await replay(NIGHT, '--json');
    expect(same).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(same.out)).toMatchObject({
      events: 51,
      false_alarms: 1,
      jobs: [{ name: 'dozer', differences: [] }],
    });
    mkdirSync(join(home, 'config'));
    writeFileSync(
      join(home, 'config/nightwarden.yaml'),
      'hang: { floor_seconds: 3, idle_seconds: 2 }\n',
    );
    const hasty = await replay(NIGHT);
    expect(hasty.code).toBe(0);
    expect(hasty.out).toContain('dozer');
    expect(hasty.out).toMatch(
      /new\n\s+today: attempt 1, hang in step after .* \(it then made prog/,
    );
    expect(hasty.out).toContain('would have killed a trainer that was at work, 1 time');
  });

  test('a torn last line is left out; damage within is told', async () => {
    const file = join(home, 'journal.jsonl');
    copyFileSync(NIGHT, file);
    appendFileSync(file, '{"seq":52,"time":17');
    expect(JSON.parse((await replay(file, '--json')).out)).toMatchObject({ events: 51 });
    const lines = readFileSync(NIGHT, 'utf8').split('\n');
    writeFileSync(file, [...lines.slice(0, 8), 'rot', ...lines.slice(9)].join('\n'));
    const damaged = JSON.parse((await replay(file, '--json')).out);
    expect(damaged.events).toBe(50);
    expect(damaged.unknown.join(' ')).toContain('1 line could not be read');
  });

  test.each([
    ['a file that is no journal', 'name: my-lora\nsteps: 3\n', 'holds no journal entry'],
    ['an empty file', '', 'it is empty'],
  ])('%s is refused', async (_, text, said) => {
    const file = join(home, 'thing');
    writeFileSync(file, text);
    const { code, err } = await replay(file);
    expect(code).toBe(2);
    expect(err).toContain(said);
    expect(err).toContain('state/journal.jsonl');
  });

  test('a missing path, a folder without one and a job that is not in it are refused', async () => {
    expect(await replay(join(home, 'nothing'))).toMatchObject({ code: 2 });
    const folder = await replay(home);
    expect(folder.code).toBe(2);
    expect(folder.err).toContain('There is no journal.jsonl in');
    const slip = await replay(NIGHT, '--job', 'dozr');
    expect(slip.code).toBe(2);
    expect(slip.err).toContain('Did you mean dozer?');
  });
});

test('a night that was compacted is read from the snapshot before it on', async () => {
  const lines = readFileSync(NIGHT, 'utf8').trim().split('\n');
  const night = lines.map((line) => JSON.parse(line) as Entry);
  const dir = join(home, 'state');
  let time = 0;
  const opened = await openJournal<Event, State>({
    dir,
    initial: initialState,
    apply: (state, entry) => reduce(state, entry as Entry),
    now: () => time,
  });
  let state = initialState;
  for (const entry of night) {
    time = entry.time;
    for (const appended of opened.journal.append([entry]).entries)
      state = reduce(state, appended as Entry);
    if (entry.seq === 16 || entry.seq === 35) await opened.journal.compact(state);
  }
  await opened.journal.close();
  const recording = await readRecording<Event, State>(home);
  expect(recording.base?.seq).toBe(16);
  expect(recording.entries.map(({ seq }) => seq)).toEqual(night.slice(16).map(({ seq }) => seq));
  // The false alarm and the hang lie behind the first compaction, on both sides of the second.
  const { out } = await replay('--json');
  expect(JSON.parse(out)).toMatchObject({
    false_alarms: 1,
    kills: 1,
    jobs: [{ name: 'dozer', differences: [] }],
  });
});
