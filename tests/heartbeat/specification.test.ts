import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PHASES } from '../../daemon/core/index.js';
import { parseHeartbeat } from '../../trainer/heartbeat/index.js';

const page = readFileSync(new URL('../../docs/heartbeat.md', import.meta.url), 'utf8');

/** The code blocks of a language, as they stand on the page. */
function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm');
  return [...page.matchAll(fence)].map(([, code]) => code ?? '');
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightwarden-specification-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const inside = () => ({
  ...process.env,
  NIGHTWARDEN_HEARTBEAT_DIR: dir,
  NIGHTWARDEN_ATTEMPT: '3',
});

function outside(): NodeJS.ProcessEnv {
  const { NIGHTWARDEN_HEARTBEAT_DIR: _, ...rest } = process.env;
  return rest;
}

const EXAMPLES: [string, string, string][] = [
  ['python', 'python3', `beat(6, 90, 0.5)\nbeat(7, 90, float("nan"))\n`],
  ['sh', '/bin/sh', 'beat 6 90\nbeat 7 90\n'],
];

test.each(EXAMPLES)('the example in %s writes what we read', (language, program, calls) => {
  const [code] = blocks(language);
  execFileSync(program, ['-c', `${code}\n${calls}`], { env: inside() });
  expect(readdirSync(dir)).toEqual(['rank-0.json']);
  const parsed = parseHeartbeat(readFileSync(join(dir, 'rank-0.json'), 'utf8'));
  const beat = { attempt: 3, rank: 0, seq: 2, step: 7, total_steps: 90 };
  expect(parsed).toMatchObject({ ok: true, beat, doubts: [] });
  if (language === 'python') expect(parsed).toMatchObject({ beat: { loss: Number.NaN } });
});

test.each(EXAMPLES)('the example in %s does nothing elsewhere', (language, program, calls) => {
  const [code] = blocks(language);
  const strict = language === 'sh' ? 'set -eu\n' : '';
  execFileSync(program, ['-c', `${strict}${code}\n${calls}`], { cwd: dir, env: outside() });
  expect(readdirSync(dir)).toEqual([]);
});

test('the examples are as short as promised', () => {
  for (const [language] of EXAMPLES)
    expect(blocks(language)[0]?.trim().split('\n').length).toBeLessThanOrEqual(11);
});

test('the example of an object is one, and the table names every phase there is', () => {
  for (const text of blocks('json'))
    expect(parseHeartbeat(text)).toMatchObject({ ok: true, doubts: [], beat: { step: 250 } });
  expect(blocks('json')).toHaveLength(1);
  const names = [...page.matchAll(/^\| `(\w+)` +\| .*\|$/gm)].map(([, name]) => name);
  for (const phase of PHASES) expect(names).toContain(phase);
});
