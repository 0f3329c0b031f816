import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type Entry,
  type Event,
  fold,
  initialState,
  reduce,
  type State,
} from '../../daemon/core/index.js';
import { openJournal } from '../../daemon/journal/index.js';
import { House, program } from './house.js';

let house: House;
let journal: Buffer;
const scratch = mkdtempSync(join(tmpdir(), 'nightwarden-cut-'));

/** A real night, short: the journal that is cut below was written by a real daemon. */
beforeAll(async () => {
  house = new House();
  house.write('work/.keep', '');
  cpSync(program('stranger.py'), house.path('work/stranger.py'));
  await house.up();
  await house.queue(
    'short',
    `name: short
command: [python3, stranger.py, --steps, "30"]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
done: { step: 30, artefact: out/final.json }
`,
  );
  await house.job('short', 'the end', ({ state }) => state === 'finished');
  house.daemons[0]?.kill('SIGKILL');
  journal = readFileSync(house.path('state/journal.jsonl'));
});

afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await house.demolish();
});

test('cut at every byte of its last three lines, it loads as the last whole line left it', async () => {
  const lines = journal.toString('utf8').trimEnd().split('\n');
  const from = Buffer.byteLength(`${lines.slice(0, -3).join('\n')}\n`);
  const file = join(scratch, 'journal.jsonl');
  for (let cut = from; cut <= journal.length; cut += 1) {
    const kept = journal.subarray(0, cut);
    writeFileSync(file, kept);
    const whole = kept
      .toString('utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Entry);
    const opened = await openJournal<Event, State>({
      dir: scratch,
      initial: initialState,
      apply: (state, entry) => reduce(state, entry as Entry),
      now: () => 0,
    });
    expect(opened.state).toEqual(fold(whole));
    await opened.journal.close();
  }
});

test('a daemon starts on a journal whose last line is torn, and goes on from there', async () => {
  writeFileSync(house.path('state/journal.jsonl'), journal.subarray(0, journal.length - 7));
  await house.up();
  const again = await house.job('short', 'the end once more', ({ state }) => state === 'finished');
  expect(again).toMatchObject({ step: 30, attempt: 1 });
});
