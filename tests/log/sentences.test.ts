import { describe, expect, test } from '@jest/globals';
import { CAUSES, type Entry, type Event, type EventType } from '../../daemon/core/index.js';
import { journalToLog } from '../../daemon/log/index.js';

const job = 'my-lora';
const attempt = 3;
const trainer = { pid: 77, start_ticks: 1, boot_id: 'b' };
const spec = {
  name: job,
  trainer: 'command',
  target_step: 500,
  has_artefact: true,
  plan: null,
  profile: 'p',
};
const from = { step: 120, path: 'c', bytes: 1 };
const crash = {
  cause: 'crash',
  reason: 'exited with status 1',
  remedy: 'Look at the log.',
} as const;
const step = {
  type: 'progress',
  job,
  attempt,
  step: 120,
  total: 500,
  epoch: 1,
  loss: 0.123456,
  steps: 5,
  step_seconds: 1.25,
  bins: {},
  useful_seconds: 5,
} as const;

const letter = { id: 'm@h', kind: 'hang', job } as const;
const putOff = { until: 9, why: 'refused', done: [] };

type Case = readonly [event: Event, level: string, sentence: string];

/** At least one of each; the type refuses a list that lacks one. */
const cases: { readonly [T in EventType]: readonly Case[] } = {
  daemon_started: [
    [
      { type: 'daemon_started', pid: 5, version: '1.2.3', boot_id: 'b' },
      'info',
      'daemon 1.2.3 started, pid 5',
    ],
  ],
  daemon_stopping: [
    [{ type: 'daemon_stopping', reason: 'upgrade' }, 'info', 'daemon stops: upgrade'],
  ],
  models_wanted: [
    [
      { type: 'models_wanted', job, models: ['flux-dev', 'mine'] },
      'info',
      'my-lora: fetches its models first: flux-dev, mine',
    ],
  ],
  models_ready: [
    [
      { type: 'models_ready', job, files: 1, bytes: 2048 },
      'info',
      'my-lora: its models are there (1 file, 2 kB)',
    ],
  ],
  download_queued: [
    [
      {
        type: 'download_queued',
        download: 'd1',
        models: ['a', 'b'],
        cache: false,
        replace: false,
      },
      'info',
      'download d1: a, b',
    ],
  ],
  download_ended: [
    [
      { type: 'download_ended', download: 'd1', is: 'finished', files: 3, bytes: 2048 },
      'info',
      'download d1 is done (3 files, 2 kB)',
    ],
    [
      { type: 'download_ended', download: 'd1', is: 'stopped' },
      'info',
      'download d1 stopped on request',
    ],
    [
      {
        type: 'download_ended',
        download: 'd1',
        is: 'failed',
        reason: 'it is gated',
        remedy: 'Give a token.',
      },
      'error',
      'download d1 failed: it is gated. Give a token.',
    ],
  ],
  clocks_rearmed: [
    [
      { type: 'clocks_rearmed', reason: 'machine_slept', seconds: 7500 },
      'warn',
      'the machine slept for 2 h 5 min: all clocks start anew',
    ],
    [
      { type: 'clocks_rearmed', reason: 'daemon_stalled', seconds: 61 },
      'warn',
      'the daemon itself stood still for 1 min 1 s: all clocks start anew',
    ],
    [
      { type: 'clocks_rearmed', reason: 'wall_clock_jumped', seconds: -3600 },
      'warn',
      'the wall clock jumped by -1 h: all clocks start anew',
    ],
  ],
  journal_gap: [
    [{ type: 'journal_gap', dropped: 1 }, 'error', '1 event could not be written and is lost'],
  ],
  task_queued: [
    [
      { type: 'task_queued', job, task: 'deliver', spec: {} },
      'debug',
      'my-lora: deliver asked for',
    ],
  ],
  task_started: [
    [
      { type: 'task_started', job, task: 'deliver', id: 9, try: 1 },
      'info',
      'my-lora: deliver begins',
    ],
    [
      { type: 'task_started', job, task: 'publish', id: 9, try: 3 },
      'info',
      'my-lora: publish begins, try 3',
    ],
  ],
  task_done: [
    [
      { type: 'task_done', job, task: 'deliver', id: 9, places: ['/a/l.safetensors', '/b/l'] },
      'info',
      'my-lora: deliver done: /a/l.safetensors, /b/l',
    ],
    [
      {
        type: 'task_done',
        job,
        task: 'publish',
        id: 9,
        places: ['http://hub/l'],
        note: 'The best.',
      },
      'info',
      'my-lora: publish done: http://hub/l. The best.',
    ],
  ],
  task_failed: [
    [
      {
        type: 'task_failed',
        job,
        task: 'deliver',
        id: 9,
        try: 1,
        reason: 'no folder',
        remedy: 'Make it.',
        retry_at: 1020,
      },
      'warn',
      'my-lora: deliver failed: no folder. Make it. Tried again in 20 s',
    ],
    [
      {
        type: 'task_failed',
        job,
        task: 'publish',
        id: 9,
        try: 1,
        reason: 'no token',
        remedy: '',
        retry_at: null,
      },
      'error',
      'my-lora: publish failed: no token. Given up after 1 try',
    ],
  ],
  job_queued: [
    [{ type: 'job_queued', job, spec }, 'info', 'my-lora: queued (command, up to step 500)'],
    [
      { type: 'job_queued', job, spec: { ...spec, target_step: null } },
      'info',
      'my-lora: queued (command)',
    ],
  ],
  job_resumed: [
    [{ type: 'job_resumed', job }, 'info', 'my-lora: queued again on request, its budgets full'],
  ],
  job_finished: [
    [
      { type: 'job_finished', job, step: 500, artefact: 'out/a.safetensors' },
      'info',
      'my-lora: finished at step 500: out/a.safetensors',
    ],
    [{ type: 'job_finished', job, step: null, artefact: null }, 'info', 'my-lora: finished'],
  ],
  job_failed: [
    [
      { type: 'job_failed', job, ...crash },
      'error',
      'my-lora: gave up (crash): exited with status 1. Look at the log.',
    ],
    [
      { type: 'job_failed', job, ...crash, remedy: '' },
      'error',
      'my-lora: gave up (crash): exited with status 1',
    ],
  ],
  job_stopped: [[{ type: 'job_stopped', job }, 'info', 'my-lora: stopped on request']],
  job_holding: [
    [
      { type: 'job_holding', job, cause: 'disk_full', reason: 'no room', remedy: 'Make some.' },
      'warn',
      'my-lora: holds (disk_full): no room. Make some.',
    ],
  ],
  attempt_starting: [
    [
      { type: 'attempt_starting', job, attempt, reason: 'crash', from, lost_steps: 7 },
      'info',
      'my-lora: attempt 3 starts from step 120 after a crash, 7 steps to make again',
    ],
    [
      { type: 'attempt_starting', job, attempt: 1, reason: 'start', from: null, lost_steps: 0 },
      'info',
      'my-lora: attempt 1 starts from the beginning',
    ],
    [
      { type: 'attempt_starting', job, attempt, reason: 'resume', from, lost_steps: 1 },
      'info',
      'my-lora: attempt 3 starts from step 120 on request, 1 step to make again',
    ],
  ],
  attempt_started: [
    [
      { type: 'attempt_started', job, attempt, shepherd: trainer, trainer },
      'info',
      'my-lora: attempt 3 runs, trainer pid 77',
    ],
  ],
  attempt_abandoned: [
    [
      { type: 'attempt_abandoned', job, attempt, why: 'the daemon ended' },
      'warn',
      'my-lora: attempt 3 never ran: the daemon ended',
    ],
  ],
  attempt_adopted: [
    [
      { type: 'attempt_adopted', job, attempt, trainer, unwatched_seconds: 12 },
      'info',
      'my-lora: attempt 3 found alive (pid 77) after 12 s unwatched; watching on',
    ],
  ],
  attempt_ended: [
    [
      {
        type: 'attempt_ended',
        job,
        attempt,
        exit: null,
        cause: 'oom',
        reason: 'CUDA out of memory',
        signature: '',
      },
      'error',
      'my-lora: attempt 3 failed (oom): CUDA out of memory',
    ],
    [
      {
        type: 'attempt_ended',
        job,
        attempt,
        exit: null,
        cause: 'done',
        reason: 'done',
        signature: '',
      },
      'info',
      'my-lora: attempt 3 is done',
    ],
    [
      {
        type: 'attempt_ended',
        job,
        attempt,
        exit: null,
        cause: 'stopped',
        reason: 'stopped on request',
        signature: '',
      },
      'info',
      'my-lora: attempt 3 ended: stopped on request',
    ],
  ],
  restart_scheduled: [
    [
      { type: 'restart_scheduled', job, cause: 'hang', at: 9, delay_seconds: 90 },
      'info',
      'my-lora: next attempt in 1 min 30 s, after a hang',
    ],
    [
      { type: 'restart_scheduled', job, cause: 'nan', at: 9, delay_seconds: 0 },
      'info',
      'my-lora: next attempt at once, after the loss turned NaN',
    ],
  ],
  phase_entered: [
    [{ type: 'phase_entered', job, attempt, phase: 'load' }, 'debug', 'my-lora: enters load'],
  ],
  phase_left: [
    [
      { type: 'phase_left', job, attempt, phase: 'load', seconds: 4 },
      'debug',
      'my-lora: leaves load after 4 s',
    ],
  ],
  progress: [
    [step, 'debug', 'my-lora: step 120 of 500, loss 0.1235, 1.3 s a step'],
    [
      { ...step, total: null, loss: null, step_seconds: 0.0125 },
      'debug',
      'my-lora: step 120, 13 ms a step',
    ],
    [{ ...step, total: null, loss: null, step_seconds: null }, 'debug', 'my-lora: step 120'],
  ],
  recovered: [
    [
      { type: 'recovered', job, attempt, cause: 'crash', seconds: 9.26, lost_steps: 7 },
      'info',
      'my-lora: stepping again 9.3 s after a crash, 7 steps to make again',
    ],
  ],
  suspicion_raised: [
    [
      {
        type: 'suspicion_raised',
        job,
        attempt,
        phase: 'step',
        silent_seconds: 12.4,
        budget_seconds: 3.1,
      },
      'warn',
      'my-lora: no progress in step for 12.4 s (budget 3.1 s): looking closer',
    ],
  ],
  suspicion_resolved: [
    [
      {
        type: 'suspicion_resolved',
        job,
        attempt,
        phase: 'step',
        silent_seconds: 14,
        by: 'progress',
      },
      'info',
      'my-lora: progress in step again after 14 s: no hang',
    ],
    [
      { type: 'suspicion_resolved', job, attempt, phase: 'step', silent_seconds: 14, by: 'rearm' },
      'info',
      'my-lora: suspicion in step dropped: its clock started anew',
    ],
  ],
  looked_at: [
    [
      {
        type: 'looked_at',
        job,
        attempt,
        silent_seconds: 12,
        last_ago: 0,
        seen: [
          [0, 1, 0, 0, 0, null, 0],
          [6, 12, 0.1, 0, 0, null, 0],
        ],
      },
      'debug',
      'my-lora: was looked at from outside 13 times during 12 s without a step',
    ],
  ],
  trainer_continued: [
    [
      { type: 'trainer_continued', job, attempt, stopped_seconds: 3.5 },
      'warn',
      'my-lora: the trainer was stopped by a signal for 3.5 s; continued, nothing lost',
    ],
  ],
  hang_confirmed: [
    [
      {
        type: 'hang_confirmed',
        job,
        attempt,
        phase: 'step',
        silent_seconds: 40,
        why: 'no progress',
      },
      'error',
      'my-lora: hangs in step, silent for 40 s (no progress): taking evidence, then killing it',
    ],
  ],
  evidence_saved: [
    [
      { type: 'evidence_saved', job, attempt, path: 'state/e', files: 9, seconds: 1.2 },
      'info',
      'my-lora: evidence saved in 1.2 s, 9 files: state/e',
    ],
  ],
  evidence_removed: [
    [
      { type: 'evidence_removed', job, attempts: [1, 2], bytes: 4096 },
      'info',
      'my-lora: evidence of attempt 1, 2 removed to keep the newest (4.1 kB)',
    ],
  ],
  stop_requested: [[{ type: 'stop_requested', job }, 'info', 'my-lora: asked to stop']],
  trainer_killed: [
    [
      { type: 'trainer_killed', job, attempt, seconds: 0.04, escalated: false },
      'info',
      'my-lora: trainer of attempt 3 gone after 40 ms',
    ],
    [
      { type: 'trainer_killed', job, attempt, seconds: 30, escalated: true },
      'info',
      'my-lora: trainer of attempt 3 gone after 30 s, deaf to SIGTERM, killed by SIGKILL',
    ],
  ],
  trainer_unkillable: [
    [
      { type: 'trainer_unkillable', job, attempt, survivors: [7, 8], why: 'in state D' },
      'error',
      'my-lora: the trainer cannot be killed (in state D; pid 7, 8): nothing is started beside it',
    ],
    [
      {
        type: 'trainer_unkillable',
        job,
        attempt,
        survivors: [],
        why: '3.0 GiB are not given back',
      },
      'error',
      'my-lora: 3.0 GiB are not given back: nothing is started on this machine again',
    ],
  ],
  knob_turned: [
    [
      { type: 'knob_turned', job, cause: 'oom', turned: 2 },
      'warn',
      'my-lora: remedy 2 of the job file is used from now on, after running out of VRAM',
    ],
  ],
  loss_not_finite: [
    [
      { type: 'loss_not_finite', job, attempt, step: 7 },
      'warn',
      'my-lora: the loss is not a finite number at step 7',
    ],
    [
      { type: 'loss_not_finite', job, attempt, step: 7, loss: 305_123 },
      'warn',
      'my-lora: the loss is 305000 at step 7, beyond all that was usual',
    ],
  ],
  loss_finite_again: [
    [
      { type: 'loss_finite_again', job, attempt, step: 8 },
      'info',
      'my-lora: the loss is sound again at step 8',
    ],
  ],
  nan_confirmed: [
    [
      { type: 'nan_confirmed', job, attempt, onset: 7, step: 12 },
      'error',
      'my-lora: the loss has not been finite since step 7: ended, to go back before it',
    ],
    [
      { type: 'nan_confirmed', job, attempt, onset: 7, step: 7, what: 'the weights are NaN' },
      'error',
      'my-lora: the weights are NaN: ended, to go back before it',
    ],
  ],
  host_found_bad: [
    [
      { type: 'host_found_bad', job, why: 'the GPU fell off the bus' },
      'error',
      'my-lora: this machine is bad (the GPU fell off the bus): nothing is started on it again',
    ],
  ],
  hold_ended: [
    [{ type: 'hold_ended', job, why: 'there is room' }, 'info', 'my-lora: goes on: there is room'],
  ],
  checkpoints_pruned: [
    [
      { type: 'checkpoints_pruned', job, paths: ['a', 'b'], bytes: 2e9, free_bytes: 3.5e9 },
      'warn',
      'my-lora: 2 older checkpoints removed to make room (2 GB; now 3.5 GB free)',
    ],
  ],
  mail_configured: [
    [
      { type: 'mail_configured', kinds: ['hang', 'finished'] },
      'info',
      'mails are on: hang, finished',
    ],
    [{ type: 'mail_configured', kinds: [] }, 'info', 'mails are off'],
  ],
  mail_queued: [
    [
      { type: 'mail_queued', key: 'k', ...letter, subject: 'Hang: my-lora', text: 'It hung.' },
      'info',
      'my-lora: mail to be sent: Hang: my-lora',
    ],
  ],
  mail_sent: [
    [
      { type: 'mail_sent', ...letter, tries: 1, answer: '250 OK', refused: [] },
      'info',
      'my-lora: mail sent (hang): 250 OK',
    ],
    [
      { type: 'mail_sent', ...letter, tries: 1, answer: '250 OK', refused: ['x@y.z'] },
      'warn',
      'my-lora: mail sent (hang), but not to x@y.z: 250 OK',
    ],
  ],
  mail_deferred: [
    [
      { type: 'mail_deferred', ...letter, ...putOff, tries: 1, scope: 'server' },
      'warn',
      'my-lora: mail not sent yet (hang, 1 try): refused',
    ],
    [
      { type: 'mail_deferred', ...letter, ...putOff, tries: 2, scope: 'account' },
      'error',
      'my-lora: mail not sent yet (hang, 2 tries): refused',
    ],
  ],
  mail_given_up: [
    [
      { type: 'mail_given_up', ...letter, tries: 1, why: '550 no such user' },
      'error',
      'my-lora: mail given up (hang): 550 no such user',
    ],
  ],
  checkpoint_verified: [
    [
      { type: 'checkpoint_verified', job, step: 120, path: 'ckpt/120', bytes: 1_340_000_000 },
      'info',
      'my-lora: checkpoint of step 120 is good (1.3 GB): ckpt/120',
    ],
  ],
  checkpoint_quarantined: [
    [
      { type: 'checkpoint_quarantined', job, step: 120, path: 'a', to: 'b', reason: 'torn' },
      'warn',
      'my-lora: checkpoint of step 120 is bad (torn), moved to b',
    ],
  ],
};

const entry = (event: Event): Entry => ({ ...event, seq: 42, time: 1000 });

describe('every event is a sentence', () => {
  test.each(Object.values(cases).flat())('%j', (event, level, message) => {
    expect(journalToLog(entry(event))).toEqual({
      level,
      message,
      fields: {
        event: event.type,
        seq: 42,
        ...('job' in event ? { job: event.job } : {}),
        ...('attempt' in event ? { attempt: event.attempt } : {}),
      },
    });
  });

  test('for every cause an attempt can come after', () => {
    const said = CAUSES.map((reason) =>
      journalToLog(entry({ type: 'attempt_starting', job, attempt, reason, from, lost_steps: 0 })),
    );
    expect(new Set(said.map((sentence) => sentence?.message)).size).toBe(CAUSES.length);
    for (const sentence of said)
      expect(sentence?.message).toMatch(/ from step 120 after [a-zA-Z ]+$/);
  });

  test('an event of a newer version says nothing', () => {
    expect(journalToLog({ ...entry(step), type: 'moon_rose' } as unknown as Entry)).toBeNull();
  });
});
