import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { flagsOf } from '../../trainer/adapters/flags.js';
import { ShellText, shellWords } from '../../trainer/adapters/shell-words.js';

/** The words as bash itself takes them. */
function byBash(script: string): string[] {
  const printer = `p() { printf '%s\\0' "$@"; }\np `;
  const out = execFileSync('bash', ['-c', printer + script], { encoding: 'utf8' });
  return out.split('\0').slice(0, -1);
}

describe('the words of a script', () => {
  test('as bash reads them', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_./=:,-]{1,8}$/);
    const quoted = fc.oneof(
      word,
      word.map((text) => `"${text} b"`),
      word.map((text) => `'${text} $c'`),
      word.map((text) => `${text}\\ d`),
      word.map((text) => `--a="${text} \\"e\\""`),
    );
    const gap = fc.constantFrom(' ', '  ', ' \\\n  ', '\t', '\\\n ');
    fc.assert(
      fc.property(fc.array(fc.tuple(quoted, gap), { minLength: 1, maxLength: 8 }), (parts) => {
        const script = parts.flat().join('');
        expect(shellWords(script)).toEqual(byBash(script));
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['a \\\n  b \\\n', ['a', 'b']],
    ['a b \\', ['a', 'b']],
    ['a b \\\n\n', ['a', 'b']],
    ['a \\\r\n  b\r\n', ['a', 'b']],
    ['#!/bin/bash\n# a note\na b # more\n\n', ['a', 'b']],
    ['a ""', ['a', '']],
    ['', []],
  ])('%j', (script, words) => {
    expect(shellWords(script)).toEqual(words);
  });

  test.each([
    ['a\nb', 'line 2: a second command begins here'],
    ['a && b', 'line 1: & takes a shell'],
    ['a \\\n $HOME', 'line 2: $ takes a shell'],
    ['a "x $y"', 'line 1: x $y is filled in by a shell'],
    ["a 'b", "line 1: the quote ' is not closed"],
  ])('%j takes a shell', (script, message) => {
    expect(() => shellWords(script)).toThrow(new ShellText(message));
  });
});

test('options of a command line go over those of a file; the last counts', () => {
  const words = ['--a', '1', '--b=x y', '--flag', '--c', '-3', '--a', '2', '--dash-ed', 'z'];
  const flags = flagsOf(words, { b: 'file', d: 4, off: false, empty: '' });
  expect([flags.number('a'), flags.text('b'), flags.number('c'), flags.number('d')]).toEqual([
    2,
    'x y',
    -3,
    4,
  ]);
  expect([flags.has('flag'), flags.has('off'), flags.has('missing')]).toEqual([true, false, false]);
  expect([flags.text('empty'), flags.text('dash_ed'), flags.number('b')]).toEqual([
    null,
    'z',
    null,
  ]);
});
