import type { JobStatus, Status } from '../../../daemon/core/index.js';

/** A job under way, with what a test wants otherwise. */
export function job(over: Partial<JobStatus> = {}): JobStatus {
  return {
    name: 'my-lora',
    state: 'running',
    step: 120,
    total_steps: 400,
    epoch: 3,
    loss: 0.08123,
    phase: 'step',
    attempt: 1,
    attempts_by_cause: { start: 1 },
    lost_steps: 0,
    resumed_from: null,
    ettr: 0.97,
    trainer_pid: 4242,
    last_step_time: 1000,
    eta_seconds: 160,
    checkpoint: null,
    incidents: [],
    cause: null,
    reason: null,
    remedy: null,
    artefact: null,
    hang_detection_seconds: null,
    recovery_seconds: null,
    tasks: [],
    ...over,
  };
}

export function status(jobs: readonly JobStatus[], daemon: Status['daemon'] = null): Status {
  return { daemon, jobs };
}
