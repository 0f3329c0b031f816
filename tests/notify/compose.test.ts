import { describe, expect, test } from '@jest/globals';
import type { MailKind, Notice } from '../../daemon/core/index.js';
import { compose } from '../../daemon/notify/index.js';
import { Night, policy } from '../core/night.js';

const KINDS: readonly MailKind[] = ['hang', 'gave_up', 'permanent', 'host_bad', 'held', 'finished'];
const AT = { home: '/workspace/nw', host: 'pod-7', version: '1.2.3' };
const EVIDENCE = '/workspace/nw/state/jobs/lora/attempts/1/evidence';

/** A night with mails on, its job at step 40 with a checkpoint of step 30. */
function begun(): Night {
  const night = new Night(policy).see({
    is: 'mail',
    event: { type: 'mail_configured', kinds: KINDS },
  });
  night.start().steps(30, 0.5);
  night.see({
    is: 'checkpoint',
    job: 'lora',
    checkpoint: { step: 30, path: '/workspace/ckpt/step-30', bytes: 1000 },
  });
  return night.steps(10, 0.5);
}

/** A hang of the running attempt, up to the spawn of the next. */
function hang(night: Night): Night {
  const { attempt } = night.job;
  for (let i = 0; i < 400 && night.job.run.at === 'running'; i += 1)
    night.skip(0.25).outside(1).see({ is: 'tick' });
  const evidence = EVIDENCE.replace('/1/', `/${attempt}/`);
  night.see({ is: 'evidence', job: 'lora', attempt, path: evidence, files: 9, seconds: 1 });
  night.skip(2).see({ is: 'killed', job: 'lora', attempt, seconds: 1, escalated: true });
  const from = { step: 30, path: '/workspace/ckpt/step-30', bytes: 1000 };
  return night.exit({ signal: 'SIGKILL' }, { from }).spawned();
}

const notice = (night: Night, kind: MailKind): Notice => {
  const all = Object.values(night.core.state.mail?.notices ?? {});
  const found = all.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} among ${JSON.stringify(all)}`);
  return found;
};
const words = (night: Night, kind: MailKind) =>
  compose(notice(night, kind), night.job, night.wall, AT);

test('a hang that was recovered from, as a whole', () => {
  const night = hang(begun()).skip(12.3).beat({ step: 31, loss: 0.123456 }).see({ is: 'tick' });
  expect(words(night, 'hang')).toEqual({
    subject: 'Hang, resumed: lora, step 31',
    text: `What was seen
  lora made no progress in step for 10 s (attempt 1): no progress, and idle
    as seen from outside for 9.8 s.
  Confirmed as a hang at 2023-11-14 22:13:50 UTC.

What was done
  Evidence was saved.
  The trainer and all it had started were ended by SIGKILL, since it was
    deaf to SIGTERM.
  Attempt 2 was started from the checkpoint of step 30, 10 steps to make
    again.
  It made its next step 12.3 s after its end.

Where the evidence lies
  /workspace/nw/state/jobs/lora/attempts/1/evidence
  /workspace/nw/logs/lora/attempt-1.log

How it stands
  step              31 of 100
  loss              0.1235
  checkpoint        step 30, /workspace/ckpt/step-30
  attempts          2 (start 1, hang 1)
  steps made again  10
  ETTR              44.0 %
  time              44.3 s

What happened so far
  2023-11-14 22:13:52 UTC, attempt 1: hang: no progress for 10.0 s

What you have to do
  Nothing.

-- 
Nightwarden 1.2.3 on pod-7, home /workspace/nw, journal entry ${notice(night, 'hang').seq}.
`,
  });
});

test('finished, as a whole', () => {
  const night = hang(begun());
  for (let step = 31; step <= 100; step += 1) night.skip(0.5).beat({ step, loss: 0.1 });
  night.skip(1).exit({ code: 0 }, { artefact: 'whole' });
  expect(words(night, 'finished')).toEqual({
    subject: 'Finished: lora, step 100',
    text: `What was seen
  lora is finished, and what it was to make was read and found whole:
    /out/lora.safetensors

Where the evidence lies
  /workspace/nw/state/jobs/lora/attempts/1/evidence
  /workspace/nw/logs/lora/attempt-2.log

How it stands
  step              100 of 100
  loss              0.1
  checkpoint        step 30, /workspace/ckpt/step-30
  attempts          2 (start 1, hang 1)
  steps made again  10
  ETTR              72.8 %
  time              1 min 8 s

What happened so far
  2023-11-14 22:13:52 UTC, attempt 1: hang: no progress for 10.0 s

What you have to do
  Nothing. A rented pod goes on costing money until it is stopped.

-- 
Nightwarden 1.2.3 on pod-7, home /workspace/nw, journal entry ${notice(night, 'finished').seq}.
`,
  });
});

/** The lines of one part. */
function part(text: string, title: string): string {
  const [, after = ''] = text.split(`${title}\n`);
  return after.split('\n\n')[0] ?? '';
}

describe('the others say what to do', () => {
  test('a permanent failure: the reason, the remedy and the command', () => {
    const night = begun();
    night.see({ is: 'stop', job: 'lora' }).exit({ signal: 'SIGTERM' });
    night.start({ target_step: 100 });
    night.exit({ code: 1 }, { tail: ["ModuleNotFoundError: No module named 'peft'"] });
    const { subject, text } = words(night, 'permanent');
    expect(subject).toBe('Cannot run: lora');
    expect(part(text, 'What was seen')).toBe("  ModuleNotFoundError: No module named 'peft'.");
    expect(part(text, 'What you have to do')).toBe(
      `  Install what is missing into the environment the command runs in.
  After that, to go on from the last good checkpoint:
  nightwarden --home /workspace/nw resume lora
  A changed job file has to be queued again with \`nightwarden run\`.`,
    );
  });

  test('gave up: which cause, at which step, after what', () => {
    const night = begun();
    for (let i = 0; i < 3; i += 1) {
      const from = { step: 30, path: '/workspace/ckpt/step-30', bytes: 1000 };
      night.exit({ code: 1 }, { tail: [`RuntimeError: CUDA error ${i}`], from });
      if (night.job.run.at === 'waiting') {
        night.pass(61);
        night.see({ is: 'prepared', job: 'lora', from });
      }
      if (night.job.run.at === 'starting') night.spawned();
    }
    expect(night.job.run.at).toBe('failed');
    const { subject, text } = words(night, 'gave_up');
    expect(subject).toBe('Gave up (crash): lora, step 30');
    expect(part(text, 'What was done')).toBe(
      '  Given up: nothing is started any more, and nothing was deleted.',
    );
    expect(part(text, 'What happened so far').match(/attempt [123]: crash/g)).toHaveLength(3);
  });

  test('a bad machine; an hour later it says since when', () => {
    const night = begun();
    night.see({
      is: 'unkillable',
      job: 'lora',
      attempt: 1,
      survivors: [7],
      why: 'pid 7 is in state D',
    });
    const first = words(night, 'host_bad');
    expect(first.subject).toBe('Bad machine: lora, step 39');
    expect(part(first.text, 'What you have to do')).toContain('restarted or replaced');
    night.see({
      is: 'mail',
      event: {
        type: 'mail_queued',
        key: 'host_bad/host_bad/lora',
        id: 'a@b',
        kind: 'host_bad',
        job: 'lora',
        ...first,
      },
    });
    night.skip(3600);
    const second = words(night, 'host_bad');
    expect(second.subject).toBe('Bad machine still: lora, step 39');
    expect(part(second.text, 'What was done')).toMatch(/since 2023-11-14 22:13:40 UTC\s+\(1 h\)/);
  });

  test('a network that is away: nothing to be done', () => {
    const tail = [
      'urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>',
    ];
    const night = new Night();
    night.see({ is: 'mail', event: { type: 'mail_configured', kinds: KINDS } });
    night.start().exit({ code: 1 }, { tail });
    const { subject, text } = words(night, 'held');
    expect(subject).toBe('No network, waiting: lora');
    expect(part(text, 'What was seen')).toMatch(/Temporary failure in name\s+resolution/);
    expect(part(text, 'What was done')).toContain('goes on by itself');
    expect(part(text, 'What you have to do')).toMatch(/Nothing, if the\s+network comes back/);
    expect(text).not.toContain('room');
  });

  test('a full disk: it goes on by itself', () => {
    const night = begun().exit(
      { code: 1 },
      { tail: ['OSError: [Errno 28] No space left on device'] },
    );
    const { subject, text } = words(night, 'held');
    expect(subject).toBe('Disk full, waiting: lora, step 40');
    expect(part(text, 'What was done')).toBe(
      '  It waits, with nothing running, and goes on by itself.',
    );
  });

  test('several hangs are one mail', () => {
    const night = hang(begun()).skip(1).beat({ step: 31 });
    hang(night.steps(5, 0.5)).skip(1).beat({ step: 31 });
    const { subject, text } = words(night, 'hang');
    expect(subject).toBe('2 hangs, resumed: lora, step 31');
    expect(part(text, 'What was seen')).toContain('It was hang 2 since 2023-11-14 22:13:50 UTC.');
    expect(part(text, 'Where the evidence lies')).toContain('/attempts/2/evidence');
  });
});

test('a token that a trainer printed is in no mail', () => {
  const token = `hf_${'a'.repeat(30)}`;
  const night = begun();
  night.see({ is: 'stop', job: 'lora' }).exit({ signal: 'SIGTERM' });
  night.start({ target_step: 100 });
  night.exit({ code: 1 }, { tail: [`401 Client Error: Unauthorized for token ${token}`] });
  const { text } = words(night, 'permanent');
  expect(text).toContain('hf_(redacted)');
  expect(text).not.toContain(token);
});

test('lines are short enough for any mail program, but for a path or a command', () => {
  const night = hang(begun()).skip(1).beat({ step: 31 });
  const long = words(night, 'hang')
    .text.split('\n')
    .filter((line) => line.length > 76);
  expect(long.filter((line) => !/^ {2,4}\S+$/.test(line))).toEqual([]);
});
