import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  dropSecrets,
  hubTokens,
  parseJob,
  redact,
  Secret,
  withoutTokens,
} from '../../config/index.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'nightwarden-token-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function put(name: string, text: string, mode = 0o600): string {
  const path = join(home, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const found = (env: NodeJS.ProcessEnv) =>
  hubTokens(env, home).tokens.map(({ token, from }) => [from, token.reveal()]);

test('none is needed: without one there is no token and no warning', () => {
  expect(hubTokens({ HOME: home }, home)).toEqual({ tokens: [], warnings: [] });
});

test('the order in which they count', () => {
  const named = put('named', 'hf_three\n');
  const own = put('HF_TOKEN', ' hf_four \r\n');
  const login = put('token', 'hf_five');
  const env = {
    HF_TOKEN: ' hf_one\n',
    HUGGING_FACE_HUB_TOKEN: 'hf_two',
    HF_TOKEN_PATH: named,
    HF_HOME: home,
  };
  expect(found(env)).toEqual([
    ['the variable HF_TOKEN', 'hf_one'],
    ['the variable HUGGING_FACE_HUB_TOKEN', 'hf_two'],
    [named, 'hf_three'],
    [own, 'hf_four'],
    [login, 'hf_five'],
  ]);
  expect(found({ HF_TOKEN: '', HF_TOKEN_PATH: join(home, 'gone') })).toEqual([[own, 'hf_four']]);
});

test("the home's file is made its owner's alone, and that is told once", () => {
  const own = put('HF_TOKEN', 'hf_four', 0o644);
  expect(hubTokens({}, home).warnings).toEqual([expect.stringContaining('mode 644')]);
  expect(statSync(own).mode & 0o777).toBe(0o600);
  expect(hubTokens({}, home).warnings).toEqual([]);
});

test('of a file that is not ours it is only warned, with what to do', () => {
  const named = put('named', 'hf_three', 0o640);
  const { warnings } = hubTokens({ HF_TOKEN_PATH: named }, home);
  expect(warnings).toEqual([expect.stringContaining(`chmod 600 ${named}`)]);
  expect(statSync(named).mode & 0o777).toBe(0o640);
});

test('a path that is a folder is warned of and does not hide the next', () => {
  put('HF_TOKEN', 'hf_four');
  const { tokens, warnings } = hubTokens({ HF_TOKEN_PATH: home }, home);
  expect(tokens.map(({ token }) => token.reveal())).toEqual(['hf_four']);
  expect(warnings).toEqual([expect.stringContaining('cannot be read')]);
});

test('whatever was read as a secret is redacted, in each of its spellings', () => {
  const odd = 'my "strange" pass/word+1';
  new Secret(odd);
  for (const text of [odd, JSON.stringify({ odd }), `?p=${encodeURIComponent(odd)}`]) {
    expect(redact(text)).toContain('(redacted)');
    expect(redact(text)).not.toContain('strange');
  }
  new Secret('step');
  expect(redact('step 12')).toBe('step 12');
});

test('programs inherit no token', () => {
  const env = {
    HF_TOKEN: 'a',
    HF_TOKEN_PATH: 'b',
    RUNPOD_API_KEY: 'c',
    PATH: '/bin',
    HF_HOME: '/h',
  };
  expect(withoutTokens(env)).toEqual({ PATH: '/bin', HF_HOME: '/h' });
  const own = { ...env, NIGHTWARDEN_MAIL__PASSWORD: 'd', NIGHTWARDEN_HTTP__PORT: '1' };
  dropSecrets(own);
  expect(own).toEqual({ PATH: '/bin', HF_HOME: '/h', NIGHTWARDEN_HTTP__PORT: '1' });
});

test.each([
  ['command: [x, --hub_token, hf_0123456789abcdefghij]', '2:27  command[2]'],
  ['command: [x]\nenv: { HF_TOKEN: whatever }', '3:18  env.HF_TOKEN'],
  ['trainer: reference\nwith: { a: [hf_0123456789abcdefghij] }', '3:13  with.a[0]'],
])('a job file with a token in it is refused: %s', (lines, place) => {
  const read = () => parseJob(`name: x\n${lines}\n`, '/jobs/x.yaml');
  expect(read).toThrow(`/jobs/x.yaml:${place}: a token has no place in a job file`);
  expect(read).not.toThrow('0123456789');
});

test('the secrets that a trainer is given are asked for by name', () => {
  const job = parseJob('name: x\ncommand: [x]\nsecrets: [HF_TOKEN, WANDB_API_KEY]\n', '/x.yaml');
  expect(job.secrets).toEqual(['HF_TOKEN', 'WANDB_API_KEY']);
  expect(() => parseJob('name: x\ncommand: [x]\nsecrets: ["a b"]\n', '/x.yaml')).toThrow(
    'the name of an environment variable',
  );
});
