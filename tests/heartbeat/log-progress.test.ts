import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type LogPatterns, LogProgress, type Merged } from '../../trainer/heartbeat/index.js';

/** The whole bar as tqdm draws it; the groups we read are named. */
const bar = (desc: string, loss: string) =>
  `^(?:.*\\s)?${desc}:\\s+\\d{1,3}%\\|[^|]*\\|\\s*(?<step>\\d+)\\/(?<total>\\d+)\\s+\\[(?:[\\d:]+|\\?)<(?:[\\d:?]+(?: days?, [\\d:]+)?),\\s*(?:[\\d.]+|\\?)\\s*(?:it\\/s|s\\/it)(?:,\\s*(?:[^\\]]*?${loss}=(?<loss>nan|[\\d.]+)[^\\]]*))?\\]`;
const KOHYA: LogPatterns = {
  step: bar('steps', 'avr_loss'),
  total: 'total optimization steps / .*: (\\d+)',
  epoch: '^epoch (\\d+)/\\d+$',
  loss: null,
};
const DIFFUSERS: LogPatterns = { ...KOHYA, step: bar('Steps', 'loss') };

const transcript = (name: string) =>
  readFileSync(new URL(`../fixtures/transcripts/${name}.log`, import.meta.url));
const TRANSCRIPTS: [string, LogPatterns, Partial<Merged>][] = [
  ['sd-scripts-fresh-3-epochs', KOHYA, { step: 24, total: 24 }],
  ['sd-scripts-resume-initial-epoch', KOHYA, { step: 16, total: 24 }],
  ['sd-scripts-killed-by-signal', KOHYA, {}],
  ['diffusers-fresh-12-steps', DIFFUSERS, { step: 12, total: 12 }],
];

interface Read {
  /** What differed from the fact before, in order. */
  readonly facts: Merged[];
  readonly tail: readonly string[];
  readonly novel: number;
}

/** `settling`: settle is called after each chunk, as when the trainer paused there. */
function readAll(patterns: LogPatterns, chunks: readonly Buffer[], settling = false): Read {
  const progress = new LogProgress(patterns);
  const facts: Merged[] = [];
  const take = (found: Merged | null) => {
    if (found !== null) facts.push(found);
  };
  for (const chunk of chunks) {
    take(progress.feed(chunk));
    if (settling) take(progress.settle());
  }
  take(progress.feed(Buffer.from('\n')));
  return { facts, tail: progress.tail(), novel: progress.novel };
}

function folded({ facts }: Read): Merged {
  const none: Merged = { step: null, total: null, epoch: null, loss: null, phases: null };
  return facts.reduce(
    (all, next) => ({
      step: next.step ?? all.step,
      total: next.total ?? all.total,
      epoch: next.epoch ?? all.epoch,
      loss: next.loss ?? all.loss,
      phases: null,
    }),
    none,
  );
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...[...places].sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}

const byLine = (bytes: Buffer) =>
  cutAt(
    bytes,
    [...bytes.entries()].filter(([, byte]) => byte === 10 || byte === 13).map(([i]) => i + 1),
  );
const byByte = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));

describe('a recorded run, however it is cut', () => {
  describe.each(TRANSCRIPTS)('%s', (name, patterns, end) => {
    const bytes = transcript(name);
    const whole = readAll(patterns, [bytes]);

    test('has progress to read', () => {
      expect(folded(whole)).toMatchObject(end);
      expect(folded(whole).step).toBeGreaterThan(0);
      expect(folded(whole).loss).toBeGreaterThan(0);
    });

    test('byte by byte', () => {
      const single = readAll(patterns, byByte(bytes));
      expect(single).toEqual({ ...readAll(patterns, byLine(bytes)) });
      expect({ ...single, facts: [folded(single)] }).toEqual({ ...whole, facts: [folded(whole)] });
    });

    test('at any places, told at any of them: never another figure than by lines', () => {
      const lines = readAll(patterns, byLine(bytes));
      const steps = new Set(lines.facts.map(({ step }) => step));
      const losses = new Set(lines.facts.map(({ loss }) => loss));
      const totals = new Set(lines.facts.map(({ total }) => total));
      fc.assert(
        fc.property(
          fc.array(fc.nat(bytes.length), { maxLength: 300 }),
          fc.boolean(),
          (cuts, pause) => {
            const read = readAll(patterns, cutAt(bytes, cuts), pause);
            expect(folded(read)).toEqual(folded(whole));
            expect(read.tail).toEqual(whole.tail);
            expect(read.novel).toBe(whole.novel);
            for (const { step, loss, total } of read.facts) {
              expect(steps).toContain(step);
              expect(losses).toContain(loss);
              expect(totals).toContain(total);
            }
          },
        ),
        { numRuns: 60 },
      );
    });
  });
});

const PLAIN: LogPatterns = {
  step: 'step (\\d+)(?:/(\\d+))?',
  total: null,
  epoch: 'epoch (\\d+)',
  loss: 'loss ([-\\w.,+]+)',
};
const text = (...parts: string[]) => parts.map((part) => Buffer.from(part));

test('any text with any line ends, cut anywhere, gives the same facts, lines and novelty', () => {
  const line = fc.oneof(
    fc.tuple(fc.nat(99_999), fc.nat(99_999)).map(([a, b]) => `step ${a}/${b} loss ${a / 7}`),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.constantFrom(
      'ünï ▏▎▍ 火 step 7',
      'epoch 3',
      '',
      '🦉 loss nan',
      `${'x'.repeat(5000)} step 8 loss 0.5`,
    ),
  );
  const lines = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n', '\n\n')), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(), { maxLength: 40 }), (parts, places) => {
      const bytes = Buffer.from(parts.flat().join(''));
      const cuts = places.map((place) => place % (bytes.length + 1));
      const whole = readAll(PLAIN, [bytes]);
      const cut = readAll(PLAIN, cutAt(bytes, cuts));
      expect({ ...cut, facts: folded(cut) }).toEqual({ ...whole, facts: folded(whole) });
    }),
    { numRuns: 300 },
  );
});

describe('half a figure', () => {
  test('at the end of a block of buffered output is not read, however long the pause', () => {
    const progress = new LogProgress(PLAIN);
    expect(progress.feed(Buffer.from('step 12'))).toBeNull();
    expect(progress.settle()).toBeNull();
    expect(progress.settle()).toBeNull();
    expect(progress.feed(Buffer.from('34/5000 loss 0.2'))).toBeNull();
    expect(progress.settle()).toMatchObject({ step: 1234, total: 5000, loss: null });
    expect(progress.feed(Buffer.from('5\n'))).toMatchObject({
      step: 1234,
      total: 5000,
      loss: 0.25,
    });
  });

  test('counts as a whole one once no more can come', () => {
    const progress = new LogProgress(PLAIN);
    progress.feed(Buffer.from('\rstep 23/24\rstep 24/24'));
    expect(progress.settle()).toMatchObject({ step: 24, total: null });
    expect(progress.settle()).toBeNull();
    expect(progress.settle(true)).toMatchObject({ step: 24, total: 24 });
  });

  test('where output was left out is not read, nor joined to what was before', () => {
    const progress = new LogProgress({ ...PLAIN, step: '(\\d+)/(\\d+)' });
    progress.feed(Buffer.from('at 12'));
    progress.skipped();
    expect(progress.feed(Buffer.from('34/5000 x\n'))).toBeNull();
    expect(progress.feed(Buffer.from('1235/5000 x\n'))).toMatchObject({ step: 1235 });
  });

  test('where a line was too long to keep is not read', () => {
    const long = `${'#'.repeat(100)} step 123456${' '.repeat(4091)}\n`;
    const patterns = { ...PLAIN, step: '(\\d+)' };
    expect(readAll(patterns, text(long)).facts).toEqual([]);
    expect(readAll(patterns, byByte(Buffer.from(long))).facts).toEqual([]);
  });

  test('of a character is put together', () => {
    const bytes = Buffer.from('🦉 step 5\n');
    const patterns = { ...PLAIN, step: '^🦉 step (\\d+)' };
    expect(readAll(patterns, [bytes.subarray(0, 2), bytes.subarray(2)]).facts).toHaveLength(1);
  });
});

describe('novel output', () => {
  const novel = (...lines: string[]) => {
    const { novel: bytes } = readAll(PLAIN, text(lines.map((line) => `${line}\n`).join('')));
    return bytes;
  };
  const drawn = (n: number, elapsed: string, rate: string) =>
    `steps:  ${n}%|███▏      | ${n}/100 [${elapsed}<01:10, ${rate}, avr_loss=0.1]`;

  test('is not a bar that is redrawn', () => {
    const once = novel(drawn(30, '00:30', '1.00it/s'));
    expect(once).toBeGreaterThan(0);
    const redrawn = [30, 40, 50].map((s) => drawn(30, `00:${s}`, `${(30 / s).toFixed(2)}it/s`));
    const slow = drawn(30, '1:05:00', '2.17s/it');
    expect(novel(...redrawn, slow, drawn(30, '?', '?it/s'))).toBe(novel(redrawn[0]!));
  });

  test('is not two bars that are redrawn in turn, nor a warning with another time', () => {
    const inner = (s: number) => `sampling:  5%|▌   | 1/20 [00:${s}<?, ?it/s]`;
    const turns = [10, 20, 30, 40].flatMap((s) => [drawn(30, `00:${s}`, '1.00it/s'), inner(s)]);
    expect(novel(...turns)).toBe(novel(...turns.slice(0, 2)));
    const warning = (s: number) => `12:00:${s} waiting for the data loader (${s} s)`;
    expect(novel(warning(10), warning(20), warning(30))).toBe(novel(warning(10)));
  });

  test('is a bar that moves, and a line that says something else', () => {
    const one = novel(drawn(30, '00:30', '1.00it/s'));
    expect(novel(drawn(30, '00:30', '1.00it/s'), drawn(31, '00:31', '1.00it/s'))).toBe(2 * one);
    expect(novel('caching latents', 'caching text')).toBeGreaterThan(novel('caching latents'));
  });
});

test.each([
  ['loss 0.25', 0.25],
  ['loss 2e-3', 0.002],
  ['loss nan', Number.NaN],
  ['loss -inf', Number.NaN],
  ['loss 0.123, lr 1', 0.123],
  ['loss 1,234.5', 1234.5],
  ['loss 0,123', null],
  ['loss abc', null],
  ['loss ,', null],
])('figure: %s', (line, loss) => {
  const { facts } = readAll(PLAIN, text(`${line}\n`));
  expect(facts.map((fact) => fact.loss)).toEqual(loss === null ? [] : [loss]);
});

test('a pattern that can match nothing reads nothing from nothing', () => {
  expect(readAll({ ...PLAIN, step: 'step (\\d*)' }, text('\n\nstep \n')).facts).toEqual([]);
});

test('named groups of the step pattern win; without them its second group is the total', () => {
  const named = '(?<total>\\d+) in all, at (?<step>\\d+), (?<epoch>\\d+) and (?<loss>\\S+)';
  const all = { step: 5, total: 90, epoch: 2, loss: 0.5, phases: null };
  expect(readAll({ ...PLAIN, step: named }, text('90 in all, at 5, 2 and 0.5\n')).facts).toEqual([
    all,
  ]);
  const total = readAll({ ...PLAIN, total: 'of (\\d+)' }, text('step 5/7 of 90\n')).facts;
  expect(total).toMatchObject([{ step: 5, total: 90 }]);
});

test('the tail holds the last 200 lines and the one that has no end yet', () => {
  const progress = new LogProgress(PLAIN);
  progress.feed(Buffer.from(Array.from({ length: 300 }, (_, i) => `l${i}\n\n`).join('') + 'open'));
  expect(progress.tail()).toHaveLength(201);
  expect(progress.tail()[0]).toBe('l100');
  expect(progress.tail().at(-1)).toBe('open');
});

describe('last words', () => {
  const fed = (progress: LogProgress, ...lines: string[]) => {
    progress.feed(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  };
  const PATTERNS = { ...PLAIN, step: 'step (\\d+)' };

  test('are what was said after the last steps but one: more it has outlived', () => {
    const progress = new LogProgress(PATTERNS);
    fed(progress, 'ENOSPC: no space left on device');
    progress.stepped();
    // That step may have been made before, and told late.
    expect(progress.lastWords()).toEqual(['ENOSPC: no space left on device']);
    fed(progress, 'step 2', 'bad image');
    progress.stepped();
    expect(progress.lastWords()).toEqual(['step 2', 'bad image']);
    progress.feed(Buffer.from('half a line'));
    expect(progress.lastWords()).toEqual(['step 2', 'bad image', 'half a line']);
    expect(progress.tail()).toHaveLength(4);
  });

  test('of output that nobody followed are told by the order of its lines', () => {
    const progress = new LogProgress(PATTERNS, true);
    fed(progress, 'ENOSPC', 'step 1', 'step 2', 'Killed', 'step 2', 'step 1', 'bad image');
    expect(progress.lastWords()).toEqual(['step 2', 'Killed', 'step 2', 'step 1', 'bad image']);
  });

  test('are all there are where no steps were told', () => {
    const progress = new LogProgress(PLAIN);
    fed(progress, 'usage: train.py', 'error');
    expect(progress.lastWords()).toEqual(['usage: train.py', 'error']);
  });
});
