import { describe, expect, test } from '@jest/globals';
import { exitCodeOf } from '../../daemon/cli/exit-code.js';
import { facts } from '../../daemon/cli/facts.js';
import { painter, width } from '../../daemon/cli/format/index.js';
import { liveLine } from '../../daemon/cli/live-line.js';
import { news } from '../../daemon/cli/news.js';
import { SpeedMeter } from '../../daemon/cli/speed.js';
import type { Incident } from '../../daemon/core/index.js';
import { job } from './helpers/status.js';

const plain = painter(false);
const crash: Incident = { time: 10, attempt: 1, kind: 'crash', text: 'CUDA error' };

describe('news', () => {
  test('the first look tells where it stands, a second at the same tells nothing', () => {
    expect(news(null, job({ state: 'queued', step: null }))).toEqual(['queued']);
    expect(news(null, job())).toEqual(['training, step 120']);
    expect(news(job(), job({ step: 130 }))).toEqual([]);
  });

  test('a failure, the attempt after it and its recovery are told in this order', () => {
    // It is looked at when the attempt has made two steps already.
    const failed = job({
      state: 'recovering',
      attempt: 2,
      step: 102,
      resumed_from: 100,
      incidents: [crash],
    });
    expect(news(job(), failed)).toEqual([
      'attempt 1: crash: CUDA error',
      'attempt 2 starts from step 100',
    ]);
    expect(news(failed, job({ attempt: 2, incidents: [crash] }))).toEqual(['recovered: new steps']);
  });

  test('attempts that came and went between two looks keep their order', () => {
    const second: Incident = { ...crash, time: 11, attempt: 2 };
    const after = job({
      state: 'failed',
      attempt: 3,
      step: null,
      incidents: [crash, second],
      reason: 'CUDA error',
      remedy: 'Restart the pod.',
    });
    expect(news(job(), after)).toEqual([
      'attempt 1: crash: CUDA error',
      'attempt 2 starts',
      'attempt 2: crash: CUDA error',
      'attempt 3 starts',
      'failed after 3 attempts: CUDA error',
      'what to do: Restart the pod.',
    ]);
  });

  test('an incident is told once, also when the list was cut at its old end', () => {
    const later: Incident = { ...crash, time: 20, attempt: 2 };
    const before = job({ attempt: 2, incidents: [crash] });
    expect(news(before, job({ attempt: 2, incidents: [later] }))).toEqual([
      'attempt 2: crash: CUDA error',
    ]);
  });

  test('a suspicion and its end', () => {
    const suspect = job({ state: 'suspect', phase: 'sample' });
    expect(news(job(), suspect)).toEqual(['no progress in phase sample: watched closely']);
    expect(news(suspect, job())).toEqual(['steps again: no hang']);
  });
});

describe('exit codes', () => {
  test.each([
    ['finished', null, 0],
    ['stopped', null, 1],
    ['failed', null, 1],
    ['failed', 'permanent', 93],
    ['failed', 'crash', 93],
    ['failed', 'host_bad', 33],
    ['holding', 'host_bad', 33],
    ['holding', 'disk_full', null],
    ['running', null, null],
    ['queued', null, null],
  ] as const)('%s with %j is %p', (state, cause, code) => {
    // What happened on the way does not count, only what it ended in.
    const incidents: Incident[] = [{ ...crash, kind: 'host_bad' }];
    expect(exitCodeOf(job({ state, cause, incidents }))).toBe(code);
  });
});

describe('the live line', () => {
  test('tells what is known and leaves out what is not', () => {
    const text = liveLine(job(), 1.8, 1001, plain);
    expect(text).toBe(
      'my-lora  ━━━━────────────  step 120/400, 30 %, loss 0.0812, 1.80 steps/s, 2 min 36 s left',
    );
    const bare = job({
      step: null,
      total_steps: null,
      loss: null,
      eta_seconds: null,
      state: 'starting',
      phase: 'load',
      last_step_time: null,
    });
    expect(liveLine(bare, null, 1001, plain)).toBe('my-lora  starting  phase load');
  });

  test('says the attempt once', () => {
    const text = liveLine(job({ state: 'recovering', attempt: 3 }), null, 1001, plain);
    expect(text.match(/attempt 3/g)).toHaveLength(1);
    expect(facts(job({ attempt: 3 }), null)).toContain('attempt 3');
  });

  test('its bar is of one width from the first step to beyond the last', () => {
    const widths = [0, 1, 399, 400, 500].map((step) =>
      width(liveLine(job({ step }), null, 1001, plain).split('  ')[1]!),
    );
    expect(new Set(widths).size).toBe(1);
  });
});

describe('the speed', () => {
  const at = (step: number, time: number) => job({ step, last_step_time: time });

  test('is steps over seconds between what was seen', () => {
    const meter = new SpeedMeter();
    expect(meter.update(at(10, 100))).toBeNull();
    expect(meter.update(at(20, 105))).toBe(2);
    expect(meter.update(at(20, 105))).toBe(2);
    expect(meter.update(job({ step: null, last_step_time: null }))).toBeNull();
  });

  test('forgets what was before a resume, and before the last half minute', () => {
    const meter = new SpeedMeter();
    meter.update(at(100, 100));
    meter.update(at(200, 101));
    expect(meter.update(at(150, 110))).toBeNull();
    expect(meter.update(at(151, 111))).toBe(1);
    for (let second = 112; second <= 200; second++)
      meter.update(at(151 + 5 * (second - 111), second));
    expect(meter.update(at(601, 201))).toBe(5);
  });
});
