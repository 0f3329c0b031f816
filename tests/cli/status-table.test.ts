import { expect, test } from '@jest/globals';
import { painter, width } from '../../daemon/cli/format/index.js';
import { statusLines } from '../../daemon/cli/status-table.js';
import { job, status } from './helpers/status.js';

const options = { now: 1010, paint: painter(false), columns: Number.POSITIVE_INFINITY };
const daemon = { pid: 77, version: '0.1.0', started: 410 };

test('a row for each job, its incidents below it', () => {
  const bad = job({
    name: 'second',
    state: 'holding',
    attempt: 2,
    lost_steps: 20,
    incidents: [{ time: 1000, attempt: 1, kind: 'disk_full', text: 'No space left on device' }],
    reason: 'no room for the next checkpoint',
    remedy: 'Make room on /workspace.',
    trainer_pid: null,
    checkpoint: { step: 100, path: 'ckpt/step-100', verified: true },
  });
  expect(statusLines(status([job(), bad], daemon), options)).toEqual([
    'Daemon 0.1.0, pid 77, up 10 min.',
    '',
    'JOB      STATE       STEP  DONE    LOSS        LEFT  ATTEMPT  LOST  ETTR',
    'my-lora  running  120/400  30 %  0.0812  2 min 40 s        1     0  97 %',
    '  phase step, last step 10 s ago, trainer pid 4242',
    'second   holding  120/400  30 %  0.0812  2 min 40 s        2    20  97 %',
    '  phase step, last step 10 s ago',
    '  newest verified checkpoint: step 100, ckpt/step-100',
    '  10 s ago: attempt 1: disk_full: No space left on device',
    '  holding: no room for the next checkpoint',
    '  what to do: Make room on /workspace.',
  ]);
});

test('without a daemon a running job is told as what was last seen, with what to do', () => {
  const text = statusLines(status([job()]), options).join('\n');
  expect(text).toContain('No daemon is running');
  expect(text).toContain('`nightwarden up` takes the work up again.');
  expect(text).toContain('was running when last seen. Its trainer (pid 4242) may go on by itself.');
  const over = statusLines(status([job({ state: 'finished', trainer_pid: null })]), options);
  expect(over.join('\n')).not.toContain('takes the work up again');
});

test('no job at all says how to queue one', () => {
  expect(statusLines(status([], daemon), options).at(-1)).toContain('nightwarden run JOB.yaml');
});

test('no line is wider than the terminal', () => {
  const long = job({ incidents: [{ time: 1, attempt: 1, kind: 'crash', text: 'x'.repeat(300) }] });
  for (const columns of [20, 60, 100]) {
    const lines = statusLines(status([long], daemon), { ...options, columns });
    expect(Math.max(...lines.map(width))).toBeLessThanOrEqual(columns);
  }
});

test('of many incidents the newest are shown', () => {
  const incidents = Array.from({ length: 9 }, (_, i) => ({
    time: i,
    attempt: i,
    kind: 'crash' as const,
    text: `fault ${i}`,
  }));
  const text = statusLines(status([job({ incidents })], daemon), options).join('\n');
  expect(text).toContain('4 earlier incidents');
  expect(text).toContain('fault 8');
  expect(text).not.toContain('fault 3');
});
