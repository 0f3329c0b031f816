import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJob } from '../../config/index.js';
import { commandJob, generatedName } from '../../daemon/cli/command-job.js';
import { suggestion } from '../../daemon/cli/suggestion.js';
import { splitWords } from '../../daemon/cli/words.js';

const place = { cwd: '/data', env: {}, now: new Date(2026, 10, 22, 4, 5), nonce: 'ab12' };

describe('words', () => {
  test('are parted as a shell does', () => {
    expect(splitWords(`--resume {checkpoint}  "a b" 'c "d"' e\\ f ''`)).toEqual([
      '--resume',
      '{checkpoint}',
      'a b',
      'c "d"',
      'e f',
      '',
    ]);
    expect(splitWords('  ')).toEqual([]);
  });

  test('quoted one by one, any words come back', () => {
    const word = fc.string({ maxLength: 12 }).filter((text) => !text.includes("'"));
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitWords(words.map((text) => `'${text}'`).join(' '))).toEqual(words);
      }),
    );
  });

  test('an open quote is told', () => {
    expect(() => splitWords("--a 'b")).toThrow("The quote ' is not closed in: --a 'b");
  });
});

describe('a job of a command line', () => {
  test('runs the very words, in this folder, as the config room reads them', () => {
    const word = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        const job = parseJob(commandJob(words, {}, place), '/data/command-line.yaml');
        expect(job.command).toEqual(words);
        expect(job.cwd).toBe('/data');
      }),
    );
  });

  test('says all it was told', () => {
    const text = commandJob(
      ['python3', 'train.py'],
      {
        name: 'mine',
        logStep: 'step (\\d+)/(\\d+)',
        total: 500,
        checkpoints: 'ckpt/*',
        resumeArgs: '--resume {checkpoint}',
        artefact: 'out/final.safetensors',
      },
      { ...place, env: { PATH: '/bin', VIRTUAL_ENV: '/venv', HF_TOKEN: 'hf_secret' } },
    );
    const job = parseJob(text, '/data/command-line.yaml');
    expect(job).toMatchObject({
      name: 'mine',
      trainer: 'command',
      env: { PATH: '/bin', VIRTUAL_ENV: '/venv' },
      log: { step: 'step (\\d+)/(\\d+)' },
      checkpoints: { glob: 'ckpt/*', step: '(\\d+)' },
      resume: { args: ['--resume', '{checkpoint}'] },
      done: { step: 500, artefact: 'out/final.safetensors' },
    });
    expect(text).not.toContain('hf_secret');
  });

  test('is named after the script of an interpreter, else after the program', () => {
    expect(generatedName(['python3', '-u', 'my/Train LoRA.py'], place)).toBe(
      'train-lora-1122-0405-ab12',
    );
    expect(generatedName(['./fit.sh', 'x.py'], place)).toBe('fit-1122-0405-ab12');
    expect(generatedName(['___'], place)).toBe('job-1122-0405-ab12');
  });

  test('any program gives a name that a job may have', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 80 }), { minLength: 1 }), (words) => {
        expect(generatedName(words, place)).toMatch(/^[a-z0-9][a-z0-9._-]{0,99}$/);
      }),
    );
  });

  test('resume arguments without checkpoints are refused', () => {
    expect(() => commandJob(['x'], { resumeArgs: '--r' }, place)).toThrow(
      '--resume-args needs --checkpoints GLOB',
    );
  });
});

test('a slip is answered with the nearest word, nonsense with none', () => {
  expect(suggestion('my-lroa', ['my-lora', 'other'])).toBe('my-lora');
  expect(suggestion('my', ['other', 'my-lora'])).toBe('my-lora');
  expect(suggestion('zzz', ['my-lora'])).toBeNull();
});
