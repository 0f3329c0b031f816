import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { beats, SMALL, start, temporaryFolder } from './program.js';

const { dir, remove } = temporaryFolder();
afterAll(remove);

function startBeating(name: string, ...args: string[]) {
  const folder = path.join(dir, name);
  const home = path.join(folder, 'beats');
  mkdirSync(home, { recursive: true });
  const env = { NIGHTWARDEN_HEARTBEAT_DIR: home, NIGHTWARDEN_ATTEMPT: '3' };
  return { home, run: start([...SMALL, '--out', path.join(folder, 'out'), ...args], env) };
}

test('a run tells its steps and its phases, and the last beat is of the end', async () => {
  const { home, run } = startBeating('plain', '--step-ms', '30');
  const seen = await beats(home, (beat) => beat.phases.some(({ name }) => name === 'finish'));
  const ended = await run.ended;
  expect(ended.code).toBe(0);
  const [last] = (await beats(home, () => true)).slice(-1);
  expect(last).toMatchObject({ v: 1, attempt: 3, pid: run.child.pid, rank: 0, total_steps: 20 });
  expect(last).toMatchObject({ step: 20, epoch: 3, phases: [{ name: 'finish' }] });
  expect(typeof last?.loss).toBe('number');
  const numbers = [...seen, last!].map(({ seq }) => seq);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  const names = seen.map(({ phases }) => phases.map(({ name }) => name).join(' '));
  expect(names).toContain('step');
  expect(readdirSync(home)).toEqual(['rank-0.json']);
});

test('a loss that is not a number is told as a word, for JSON has none', async () => {
  const { home, run } = startBeating('nan', '--fault', 'nan@2', '--step-ms', '30');
  const [beat] = (
    await beats(home, ({ loss }) => typeof loss !== 'number' && loss !== undefined)
  ).slice(-1);
  expect(beat?.loss).toBe('nan');
  expect((await run.ended).code).toBe(0);
});

describe('a wedged step loop', () => {
  test('hang: beats go on, the step stands still, SIGTERM ends it', async () => {
    const { home, run } = startBeating('hang', '--fault', 'hang@9');
    const [first] = (await beats(home, ({ step }) => step === 9)).slice(-1);
    const after = await beats(home, ({ seq }) => seq >= first!.seq + 3);
    expect(after.every(({ step }) => step === 9)).toBe(true);
    expect(after.at(-1)?.phases).toEqual(first?.phases);
    run.child.kill('SIGTERM');
    expect((await run.ended).signal).toBe('SIGTERM');
  });

  test('hang-deaf: SIGTERM changes nothing, SIGKILL ends it', async () => {
    const { home, run } = startBeating('deaf', '--fault', 'hang-deaf@9');
    const [first] = (await beats(home, ({ step }) => step === 9)).slice(-1);
    await beats(home, ({ seq }) => seq > first!.seq);
    run.child.kill('SIGTERM');
    await beats(home, ({ seq }) => seq >= first!.seq + 3);
    expect(run.child.exitCode).toBeNull();
    run.child.kill('SIGKILL');
    expect((await run.ended).signal).toBe('SIGKILL');
  });

  test('hang before the first step: no step is claimed', async () => {
    const { home, run } = startBeating('early', '--fault', 'hang@0');
    const [beat] = (await beats(home, ({ seq }) => seq >= 4)).slice(-1);
    expect(beat?.step).toBeUndefined();
    expect(beat?.phases.map(({ name }) => name)).toEqual(['load']);
    run.child.kill('SIGKILL');
    await run.ended;
  });
});
