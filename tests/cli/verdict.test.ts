import { describe, expect, test } from '@jest/globals';
import { accountOf, objections, prove } from '../../daemon/cli/demo/verdict.js';
import type { Entry, Event } from '../../daemon/core/index.js';
import { job } from './helpers/status.js';

const trainer = { pid: 7, start_ticks: 70, boot_id: 'boot' };
const started: Event = { type: 'daemon_started', pid: 1, version: '0', boot_id: 'boot' };
const ended = (cause: 'crash' | 'hang', attempt: number): Event => ({
  type: 'attempt_ended',
  job: 'demo',
  attempt,
  exit: null,
  cause,
  reason: '',
  signature: '',
});
const recovered = (cause: 'crash' | 'hang', attempt: number): Event => ({
  type: 'recovered',
  job: 'demo',
  attempt,
  cause,
  seconds: 1,
  lost_steps: 5,
});
const hang: Event = {
  type: 'hang_confirmed',
  job: 'demo',
  attempt: 2,
  phase: 'step',
  silent_seconds: 3,
  why: '',
};
const adopted: Event = {
  type: 'attempt_adopted',
  job: 'demo',
  attempt: 2,
  trainer,
  unwatched_seconds: 2,
};
const night: Event[] = [
  started,
  ended('crash', 1),
  recovered('crash', 2),
  started,
  adopted,
  hang,
  ended('hang', 2),
  recovered('hang', 3),
];
const journal = (events: readonly Event[]): Entry[] =>
  events.map((event, seq) => ({ ...event, seq, time: seq }));

describe('the proof', () => {
  test('a whole night proves all three', () => {
    const all = { crash: true, hang: true, daemon_kill: true };
    expect(prove(journal(night), trainer)).toEqual(all);
  });

  test.each([
    ['no daemon before the death', 0, 'daemon_kill'],
    ['no crash', 1, 'crash'],
    ['a crash that nothing recovered from', 2, 'crash'],
    ['no adoption', 4, 'daemon_kill'],
    ['a hang that was never confirmed', 5, 'hang'],
    ['a hang that nothing recovered from', 7, 'hang'],
  ] as const)('%s proves less', (_what, missing, which) => {
    const proof = prove(journal(night.toSpliced(missing, 1)), trainer);
    expect(Object.entries(proof).filter(([, proven]) => !proven)).toEqual([[which, false]]);
  });

  test('adopting another process of the same pid is no adoption', () => {
    expect(prove(journal(night), { ...trainer, start_ticks: 71 }).daemon_kill).toBe(false);
    expect(prove(journal(night), null).daemon_kill).toBe(false);
  });
});

describe('the account', () => {
  const done = job({ state: 'finished', step: 400 });
  const found = {
    baseline: done,
    night: { ...done, attempt: 3, lost_steps: 30, hang_detection_seconds: 2.41234 },
    proof: { crash: true, hang: true, daemon_kill: true },
    lora_sha256: 'abc',
    baseline_sha256: 'abc',
    wall_seconds: 20.00049,
  };

  test('has nothing to object to in a night as promised', () => {
    const account = accountOf(found);
    expect(account).toMatchObject({
      completed: true,
      identical: true,
      attempts: 3,
      lost_steps: 30,
      hang_detection_seconds: 2.412,
      wall_seconds: 20,
    });
    expect(objections(account)).toEqual([]);
  });

  test('names what is missing', () => {
    const bad = accountOf({
      ...found,
      night: { ...done, step: 399 },
      lora_sha256: null,
      baseline_sha256: null,
      proof: { crash: true, hang: false, daemon_kill: false },
    });
    expect(objections(bad)).toEqual([
      'not both trainings were finished',
      'the two LoRA files differ',
      'no hang was recovered from',
      'the trainer was not adopted after the daemon was killed',
    ]);
  });
});
