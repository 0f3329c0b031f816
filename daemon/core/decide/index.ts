import type { Event } from '../events.js';
import type { Command, Observation } from '../observations.js';
import type { Policy } from '../policy.js';
import type { Now } from '../time.js';
import * as attempts from './attempts.js';
import { onBeat, onSteps } from './beat.js';
import * as downloads from './downloads.js';
import * as endings from './endings.js';
import * as followUps from './follow-ups.js';
import { onHolding, onRoom } from './holding.js';
import { onMail } from './mail.js';
import { onLoss, onWeights } from './nan.js';
import { onOutside, onProcessState } from './outside.js';
import { noteLook, tellLooks } from './recorded.js';
import * as requests from './requests.js';
import { onTick } from './tick.js';
import { type Core, Turn } from './turn.js';

export { jobDownload } from './downloads.js';
export { asIfTicked, looksApart, nextLook, type Outlook, quietGap } from './next-look.js';
export { refuse } from './requests.js';
export { type Core, initialCore } from './turn.js';

export interface Decision {
  readonly core: Core;
  readonly events: readonly Event[];
  readonly commands: readonly Command[];
}

/**
 * The one place where anything is decided. Pure: the same core, observation and clock reading give
 * the same decision. `core.state` of the result is the fold of `events` over the state before.
 * An observation about an attempt that is no longer the current one decides nothing.
 */
export function decide(core: Core, seen: Observation, now: Now, policy: Policy): Decision {
  const turn = new Turn(core, now, policy);
  if (!isStale(turn, seen)) {
    if (seen.is === 'outside') noteLook(turn, seen);
    route(turn, seen);
    tellLooks(turn);
  }
  return { core: turn.done(seen.is === 'tick'), events: turn.events, commands: turn.commands };
}

function isStale(turn: Turn, seen: Observation): boolean {
  if (!('attempt' in seen)) return false;
  const run = turn.job(seen.job)?.run;
  return run === undefined || !('attempt' in run) || run.attempt !== seen.attempt;
}

function route(turn: Turn, seen: Observation): void {
  switch (seen.is) {
    case 'daemon_up':
      return attempts.onDaemonUp(turn, seen);
    case 'daemon_stopping':
      return attempts.onDaemonStopping(turn, seen);
    case 'tick':
      onTick(turn);
      followUps.onTasksDue(turn);
      return onHolding(turn);
    case 'queue':
      return requests.onQueue(turn, seen);
    case 'stop':
      return requests.onStop(turn, seen);
    case 'resume':
      return requests.onResume(turn, seen);
    case 'download_wanted':
      return downloads.onDownloadWanted(turn, seen);
    case 'download_unwanted':
      return downloads.onDownloadUnwanted(turn, seen);
    case 'downloaded':
      return downloads.onDownloaded(turn, seen);
    case 'prepared':
      return attempts.onPrepared(turn, seen);
    case 'spawned':
      return attempts.onSpawned(turn, seen);
    case 'spawn_failed':
      return endings.onSpawnFailed(turn, seen);
    case 'adopted':
      return attempts.onAdopted(turn, seen);
    case 'never_ran':
      return attempts.onNeverRan(turn, seen);
    case 'beat':
      onBeat(turn, seen.job, seen.attempt, seen.beat);
      return onLoss(turn, seen.job, seen.attempt, seen.beat);
    case 'weights':
      return onWeights(turn, seen);
    case 'steps':
      return onSteps(turn, seen);
    case 'outside':
      return onOutside(turn, seen);
    case 'process_state':
      return onProcessState(turn, seen);
    case 'evidence':
      return endings.onEvidence(turn, seen);
    case 'evidence_removed': {
      const { job, attempts, bytes } = seen;
      return turn.emit({ type: 'evidence_removed', job, attempts, bytes });
    }
    case 'killed':
      return turn.emit({
        type: 'trainer_killed',
        job: seen.job,
        attempt: seen.attempt,
        seconds: seen.seconds,
        escalated: seen.escalated,
      });
    case 'unkillable':
      return endings.onUnkillable(turn, seen);
    case 'leftovers':
      return endings.onLeftovers(turn, seen);
    case 'exited':
      return endings.onExited(turn, seen);
    case 'checkpoint':
      return requests.onCheckpoint(turn, seen);
    case 'room':
      return onRoom(turn, seen);
    case 'quarantined':
      return turn.emit({
        type: 'checkpoint_quarantined',
        job: seen.job,
        step: seen.step,
        path: seen.path,
        to: seen.to,
        reason: seen.reason,
      });
    case 'mail':
      return onMail(turn, seen.event);
    case 'follow_up':
      return followUps.onFollowUp(turn, seen);
    case 'followed_up':
      return followUps.onFollowedUp(turn, seen);
  }
}
