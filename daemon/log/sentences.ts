import type { Entry, EventOf } from '../core/index.js';
import {
  adopted,
  again,
  atStep,
  ended,
  progress,
  starting,
  stoodStill,
  taskFailed,
  upTo,
  withRemedy,
} from './phrases.js';
import type { Fields, Level } from './types.js';
import { BECAUSE, duration, plural, size } from './words.js';

export interface Sentence {
  readonly level: Level;
  readonly message: string;
  readonly fields: Fields;
}

/**
 * A journal entry as one sentence for the log, beginning with the job it is about. The fields only
 * say where in the journal the whole entry stands. Null for an event this version does not know.
 */
export function journalToLog(entry: Entry): Sentence | null {
  const said = say(entry);
  if (said === null) return null;
  const [level, words] = said;
  const fields: Record<string, unknown> = { event: entry.type, seq: entry.seq };
  if ('job' in entry) fields['job'] = entry.job;
  if ('attempt' in entry) fields['attempt'] = entry.attempt;
  return { level, message: 'job' in entry ? `${entry.job}: ${words}` : words, fields };
}

function downloadEnded(entry: EventOf<'download_ended'>): [Level, string] {
  const name = `download ${entry.download}`;
  if (entry.is === 'finished')
    return ['info', `${name} is done (${plural(entry.files, 'file')}, ${size(entry.bytes)})`];
  if (entry.is === 'stopped') return ['info', `${name} stopped on request`];
  return ['error', `${name} failed: ${withRemedy(entry)}`];
}

function say(entry: Entry): [Level, string] | null {
  switch (entry.type) {
    case 'daemon_started':
      return ['info', `daemon ${entry.version} started, pid ${entry.pid}`];
    case 'daemon_stopping':
      return ['info', `daemon stops: ${entry.reason}`];
    case 'clocks_rearmed':
      return ['warn', `${stoodStill(entry.reason, entry.seconds)}: all clocks start anew`];
    case 'journal_gap':
      return [
        'error',
        `${plural(entry.dropped, 'event')} could not be written and ${entry.dropped === 1 ? 'is' : 'are'} lost`,
      ];
    case 'job_queued':
      return ['info', `queued (${entry.spec.trainer}${upTo(entry.spec.target_step)})`];
    case 'models_wanted':
      return ['info', `fetches its models first: ${entry.models.join(', ')}`];
    case 'models_ready':
      return [
        'info',
        `its models are there (${plural(entry.files, 'file')}, ${size(entry.bytes)})`,
      ];
    case 'download_queued':
      return ['info', `download ${entry.download}: ${entry.models.join(', ')}`];
    case 'download_ended':
      return downloadEnded(entry);
    case 'job_resumed':
      return ['info', 'queued again on request, its budgets full'];
    case 'job_finished':
      return [
        'info',
        `finished${atStep(entry.step)}${entry.artefact ? `: ${entry.artefact}` : ''}`,
      ];
    case 'job_failed':
      return ['error', `gave up (${entry.cause}): ${withRemedy(entry)}`];
    case 'job_stopped':
      return ['info', 'stopped on request'];
    case 'job_holding':
      return ['warn', `holds (${entry.cause}): ${withRemedy(entry)}`];
    case 'attempt_starting':
      return ['info', starting(entry)];
    case 'attempt_started':
      return ['info', `attempt ${entry.attempt} runs, trainer pid ${entry.trainer.pid}`];
    case 'attempt_abandoned':
      return ['warn', `attempt ${entry.attempt} never ran: ${entry.why}`];
    case 'attempt_adopted':
      return ['info', adopted(entry)];
    case 'attempt_ended':
      return ended(entry);
    case 'restart_scheduled':
      return [
        'info',
        entry.delay_seconds > 0
          ? `next attempt in ${duration(entry.delay_seconds)}, ${BECAUSE[entry.cause]}`
          : `next attempt at once, ${BECAUSE[entry.cause]}`,
      ];
    case 'phase_entered':
      return ['debug', `enters ${entry.phase}`];
    case 'phase_left':
      return ['debug', `leaves ${entry.phase} after ${duration(entry.seconds)}`];
    case 'progress':
      return ['debug', progress(entry)];
    case 'recovered':
      return [
        'info',
        `stepping again ${duration(entry.seconds)} ${BECAUSE[entry.cause]}${again(entry.lost_steps)}`,
      ];
    case 'suspicion_raised':
      return [
        'warn',
        `no progress in ${entry.phase} for ${duration(entry.silent_seconds)} (budget ${duration(entry.budget_seconds)}): looking closer`,
      ];
    case 'suspicion_resolved':
      return [
        'info',
        entry.by === 'progress'
          ? `progress in ${entry.phase} again after ${duration(entry.silent_seconds)}: no hang`
          : `suspicion in ${entry.phase} dropped: its clock started anew`,
      ];
    case 'looked_at':
      return [
        'debug',
        `was looked at from outside ${plural(
          entry.seen.reduce((sum, [, looks]) => sum + looks, 0),
          'time',
        )} during ${duration(entry.silent_seconds)} without a step`,
      ];
    case 'trainer_continued':
      return [
        'warn',
        `the trainer was stopped by a signal for ${duration(entry.stopped_seconds)}; continued, nothing lost`,
      ];
    case 'hang_confirmed':
      return [
        'error',
        `hangs in ${entry.phase}, silent for ${duration(entry.silent_seconds)} (${entry.why}): taking evidence, then killing it`,
      ];
    case 'evidence_saved':
      return [
        'info',
        `evidence saved in ${duration(entry.seconds)}, ${plural(entry.files, 'file')}: ${entry.path}`,
      ];
    case 'evidence_removed':
      return [
        'info',
        `evidence of attempt ${entry.attempts.join(', ')} removed to keep the newest (${size(entry.bytes)})`,
      ];
    case 'stop_requested':
      return ['info', 'asked to stop'];
    case 'trainer_killed':
      return [
        'info',
        `trainer of attempt ${entry.attempt} gone after ${duration(entry.seconds)}${entry.escalated ? ', deaf to SIGTERM, killed by SIGKILL' : ''}`,
      ];
    case 'trainer_unkillable':
      return [
        'error',
        entry.survivors.length === 0
          ? `${entry.why}: nothing is started on this machine again`
          : `the trainer cannot be killed (${entry.why}; pid ${entry.survivors.join(', ')}): nothing is started beside it`,
      ];
    case 'checkpoint_verified':
      return [
        'info',
        `checkpoint of step ${entry.step} is good (${size(entry.bytes)}): ${entry.path}`,
      ];
    case 'checkpoint_quarantined':
      return [
        'warn',
        `checkpoint of step ${entry.step} is bad (${entry.reason}), moved to ${entry.to}`,
      ];
    case 'knob_turned':
      return [
        'warn',
        `remedy ${entry.turned} of the job file is used from now on, ${BECAUSE[entry.cause]}`,
      ];
    case 'loss_not_finite':
      return entry.loss === undefined
        ? ['warn', `the loss is not a finite number at step ${entry.step}`]
        : [
            'warn',
            `the loss is ${Number(entry.loss.toPrecision(3))} at step ${entry.step}, beyond all that was usual`,
          ];
    case 'loss_finite_again':
      return ['info', `the loss is sound again at step ${entry.step}`];
    case 'nan_confirmed':
      return [
        'error',
        `${entry.what ?? `the loss has not been finite since step ${entry.onset}`}: ended, to go back before it`,
      ];
    case 'host_found_bad':
      return ['error', `this machine is bad (${entry.why}): nothing is started on it again`];
    case 'hold_ended':
      return ['info', `goes on: ${entry.why}`];
    case 'checkpoints_pruned':
      return [
        'warn',
        `${plural(entry.paths.length, 'older checkpoint')} removed to make room (${size(entry.bytes)}; now ${size(entry.free_bytes)} free)`,
      ];
    case 'mail_configured':
      return [
        'info',
        entry.kinds.length === 0 ? 'mails are off' : `mails are on: ${entry.kinds.join(', ')}`,
      ];
    case 'mail_queued':
      return ['info', `mail to be sent: ${entry.subject}`];
    case 'mail_sent':
      return entry.refused.length === 0
        ? ['info', `mail sent (${entry.kind}): ${entry.answer}`]
        : [
            'warn',
            `mail sent (${entry.kind}), but not to ${entry.refused.join(', ')}: ${entry.answer}`,
          ];
    case 'mail_deferred':
      return [
        entry.scope === 'account' ? 'error' : 'warn',
        `mail not sent yet (${entry.kind}, ${plural(entry.tries, 'try', 'tries')}): ${entry.why}`,
      ];
    case 'mail_given_up':
      return ['error', `mail given up (${entry.kind}): ${entry.why}`];
    case 'task_queued':
      return ['debug', `${entry.task} asked for`];
    case 'task_started':
      return ['info', `${entry.task} begins${entry.try > 1 ? `, try ${entry.try}` : ''}`];
    case 'task_done':
      return [
        'info',
        `${entry.task} done: ${entry.places.join(', ')}${entry.note === undefined ? '' : `. ${entry.note}`}`,
      ];
    case 'task_failed':
      return taskFailed(entry);
    default:
      // A journal may come from a newer version; the compiler sees that ours is complete.
      entry satisfies never;
      return null;
  }
}
