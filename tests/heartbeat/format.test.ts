import { describe, expect, test } from '@jest/globals';
import { parseHeartbeat, Ranks } from '../../trainer/heartbeat/index.js';

const REQUIRED = { v: 1, attempt: 3, pid: 41, seq: 9, time: 1_767_225_600.5 };
const json = (more: object = {}) => JSON.stringify({ ...REQUIRED, ...more });
const ABSENT = { rank: 0, step: null, total_steps: null, epoch: null, loss: null, phases: null };

describe('a good heartbeat', () => {
  const phases = [
    { name: 'step', since: 5.5 },
    { name: 'checkpoint', since: 7 },
  ];
  const table: [string, string, object][] = [
    ['with what it must have alone', json(), {}],
    ['with nulls', json({ step: null, phases: null, loss: null, rank: null }), {}],
    [
      'with all there is',
      json({ rank: 2, step: 7, total_steps: 90, epoch: 1, loss: 0.25, phases }),
      { rank: 2, step: 7, total_steps: 90, epoch: 1, loss: 0.25, phases },
    ],
    ['with fields we do not know', json({ gpu: [1, 2], note: 'x' }), {}],
    ['with an epoch in fractions', json({ epoch: 1.75 }), { epoch: 1 }],
    ['at step 0', json({ step: 0 }), { step: 0 }],
    ['with a negative loss', json({ loss: -2.5 }), { loss: -2.5 }],
    ['with a loss of "nan"', json({ loss: 'nan' }), { loss: Number.NaN }],
    ['with a loss of "NaN"', json({ loss: 'NaN' }), { loss: Number.NaN }],
    ['with a loss of "-inf"', json({ loss: '-inf' }), { loss: Number.NaN }],
    [
      'with a bare NaN, as Python writes it',
      json({ loss: 0 }).replace(':0}', ': NaN}'),
      { loss: Number.NaN },
    ],
    [
      'with a bare -Infinity',
      json({ loss: 0 }).replace(':0}', ':-Infinity}'),
      { loss: Number.NaN },
    ],
    [
      'with a number beyond a double',
      json({ loss: 0 }).replace(':0}', ':1e999}'),
      { loss: Number.NaN },
    ],
    ['with no open phase', json({ phases: [] }), { phases: [] }],
    [
      'with a phase without a time',
      json({ phases: [{ name: 'load' }] }),
      { phases: [{ name: 'load', since: 0 }] },
    ],
    ['with a line end and blanks', `  ${json()}\n`, {}],
  ];
  test.each(table)('%s', (_what, text, more) => {
    const { v: _, ...required } = REQUIRED;
    const beat = { ...required, ...ABSENT, ...more };
    expect(parseHeartbeat(text)).toEqual({ ok: true, beat, doubts: [] });
  });

  test('has the rank of its file name when it does not tell one', () => {
    expect(parseHeartbeat(json(), 3)).toMatchObject({ beat: { rank: 3 } });
    expect(parseHeartbeat(json({ rank: 1 }), 3)).toMatchObject({ beat: { rank: 1 } });
  });
});

describe('a bad heartbeat', () => {
  const table: [string, string, string][] = [
    ['', 'JSON', 'not a JSON object; write a temporary file and rename it'],
    [json().slice(0, 30), 'JSON', 'not a JSON object; write a temporary file and rename it'],
    ['{"v":1,}', 'JSON', 'not a JSON object; write a temporary file and rename it'],
    ['null', 'object', 'expected one JSON object, got null'],
    ['[{}]', 'object', 'expected one JSON object, got [{}]'],
    ['{}', 'v', 'v: expected 1, got nothing'],
    [json({ v: '1' }), 'v', 'v: expected 1, got "1"'],
    [json({ v: 2 }), 'v', 'v: expected 1, got 2'],
    [json({ attempt: '3' }), 'attempt', 'attempt: expected a whole number, got "3"'],
    [json({ pid: 1.5 }), 'pid', 'pid: expected a whole number, got 1.5'],
    [json({ seq: undefined }), 'seq', 'seq: expected a whole number, got nothing'],
    [json({ time: '2026-01-01' }), 'time', 'time: expected Unix seconds, got "2026-01-01"'],
  ];
  test.each(table)('%s', (text, about, problem) => {
    expect(parseHeartbeat(text)).toEqual({ ok: false, about, problem });
  });

  test('has the same subject whatever its value, so that it is told once', () => {
    const subjects = [1.5, 2.5, 'x'].map((seq) => parseHeartbeat(json({ seq })));
    expect(subjects.map((parsed) => !parsed.ok && parsed.about)).toEqual(['seq', 'seq', 'seq']);
    const torn = [20, 30, 40].map((length) => parseHeartbeat(json().slice(0, length)));
    expect(new Set(torn.map((parsed) => JSON.stringify(parsed))).size).toBe(1);
  });

  test('shows no more than the beginning of what it got', () => {
    const parsed = parseHeartbeat(json({ pid: 'x'.repeat(100_000) }));
    expect(!parsed.ok && parsed.problem.length).toBeLessThan(200);
  });
});

describe('an optional field that is unsound is left out and told; the rest counts', () => {
  const table: [object, string, string][] = [
    [{ step: '12' }, 'step', 'step: expected a number that is not negative, got "12"'],
    [{ step: -1 }, 'step', 'step: expected a number that is not negative, got -1'],
    [
      { total_steps: [5] },
      'total_steps',
      'total_steps: expected a number that is not negative, got [5]',
    ],
    [{ epoch: 'one' }, 'epoch', 'epoch: expected a number that is not negative, got "one"'],
    [{ rank: '0' }, 'rank', 'rank: expected a number that is not negative, got "0"'],
    [{ loss: '0.5' }, 'loss', 'loss: expected a number, "nan" or "inf", got "0.5"'],
    [
      { phases: 'step' },
      'phases',
      'phases: expected a list of {name, since}, outermost first, got "step"',
    ],
    [
      { phases: ['step'] },
      'phases',
      'phases: expected a list of {name, since}, outermost first, got ["step"]',
    ],
    [
      { phases: [{ name: '' }] },
      'phases',
      'phases: expected a list of {name, since}, outermost first, got [{"name":""}]',
    ],
    [
      { phases: [null] },
      'phases',
      'phases: expected a list of {name, since}, outermost first, got [null]',
    ],
  ];
  test.each(table)('%j', (more, about, problem) => {
    const parsed = parseHeartbeat(json({ step: 4, ...more }), 2);
    expect(parsed).toMatchObject({
      ok: true,
      beat: { seq: 9, rank: 2 },
      doubts: [{ about, problem }],
    });
    expect(parsed.ok && parsed.beat).toMatchObject({ step: about === 'step' ? null : 4 });
  });
});

describe('ranks', () => {
  const beat = (more: object) => {
    const parsed = parseHeartbeat(json(more));
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.beat;
  };
  const merged = (...beats: object[]) => {
    const ranks = new Ranks(3);
    for (const more of beats) ranks.take(beat(more));
    return ranks.merged();
  };

  test('nothing yet', () => {
    expect(merged()).toEqual({ step: null, total: null, epoch: null, loss: null, phases: null });
  });

  test('the run is where its slowest rank is', () => {
    expect(merged({ rank: 0, step: 9 }, { rank: 1, step: 7 }, { rank: 2, step: 8 }).step).toBe(7);
    expect(merged({ rank: 0, step: 9 }, { rank: 1 }).step).toBe(9);
  });

  test('the rest is of the lowest rank that tells it, whatever came first', () => {
    const phases = [
      { name: 'step', since: 1 },
      { name: 'sample', since: 2 },
    ];
    const low = { rank: 0, loss: 0.5, phases };
    const high = { rank: 1, loss: 0.7, epoch: 2, total_steps: 90, phases: [] };
    const both = { step: null, total: 90, epoch: 2, loss: 0.5, phases: ['step', 'sample'] };
    expect(merged(low, high)).toEqual(both);
    expect(merged(high, low)).toEqual(both);
  });

  test('a loss that is lost on any rank is lost', () => {
    expect(merged({ rank: 0, loss: 0.5 }, { rank: 1, loss: 'nan' }).loss).toBeNaN();
  });

  test('what is stale, or of another attempt, is no news; a new process begins anew', () => {
    const ranks = new Ranks(3);
    expect(ranks.take(beat({ seq: 5, step: 5 }))).toBe(true);
    expect(ranks.take(beat({ seq: 5, step: 6 }))).toBe(false);
    expect(ranks.take(beat({ seq: 4, step: 4 }))).toBe(false);
    expect(ranks.take(beat({ seq: 6, step: 6, attempt: 2 }))).toBe(false);
    expect(ranks.take(beat({ seq: 6, step: 6, attempt: 4 }))).toBe(false);
    expect(ranks.merged().step).toBe(5);
    expect(ranks.take(beat({ seq: 1, step: 2, pid: 42 }))).toBe(true);
    expect(ranks.merged().step).toBe(2);
    expect(ranks.take(beat({ seq: 1, step: 9, rank: 1 }))).toBe(true);
    expect(ranks.merged().step).toBe(2);
  });
});
