import { copyFileSync, cpSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Replay } from '../../daemon/core/index.js';
import { run } from '../cli/helpers/cli-process.js';
import { House, program } from '../e2e/house.js';

const RULES = 'checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\n';
const RECORD = process.env['RECORD_NIGHT'];
/** Dozes through 6 s (a busy machine adds to it) or 7 s, which is suspected, and then for good. */
const JOB = `name: dozer
command: [python3, dozes.py, --steps, "150", --doze, "60:${RECORD === undefined ? 6 : 7},110:600"]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }
resume: { args: [--resume, '{checkpoint}'] }
done: { step: 150 }
kill: { grace_seconds: 0.5 }
`;

jest.setTimeout(180_000);

let house: House;
beforeEach(() => {
  house = new House(RULES);
  house.write('work/.keep', '');
  cpSync(program('dozes.py'), house.path('work/dozes.py'));
});
afterEach(() => house.demolish());

/** Its journal is tests/fixtures/nights/dozer.jsonl; RECORD_NIGHT=<path> writes it anew. */
test('a real night, replayed by the rules that judged it, comes out as it was', async () => {
  await house.up();
  await house.queue('dozer', JOB);
  const job = await house.job('dozer', 'the end', ({ state }) => state === 'finished');
  expect(job.attempts_by_cause).toEqual({ start: 1, hang: 1 });
  // Beside the living daemon.
  const { code, out } = await run(['replay', '--json', '--home', house.home], house.home);
  expect(code).toBe(0);
  const replayed = JSON.parse(out) as Replay;
  expect(replayed).toMatchObject({
    false_alarms: 1,
    false_alarms_gone: 0,
    kills: 1,
    kills_gone: 0,
    would_be_kills: 0,
  });
  const [dozer] = replayed.jobs;
  expect(dozer?.differences).toEqual([]);
  const kinds = (facts: readonly { kind: string }[] = []) => facts.map(({ kind }) => kind);
  expect(kinds(dozer?.recorded)).toEqual(['suspicion', 'suspicion', 'hang', 'ending', 'ending']);
  expect(kinds(dozer?.today)).toEqual(kinds(dozer?.recorded));
  // Nothing had to be guessed.
  expect(dozer?.today.some((fact) => fact.kind !== 'ending' && fact.presumed)).toBe(false);
  if (RECORD !== undefined) copyFileSync(house.path('state/journal.jsonl'), RECORD);
});
