import { stringify } from 'yaml';

/** The two trainings of the demo, and what befalls the second. Steps count from 1. */
export interface DemoPlan {
  readonly job: string;
  readonly steps: number;
  readonly saveEvery: number;
  readonly sampleEvery: number;
  /** Least duration of a step: a pace at which the daemon's death has time to matter. */
  readonly stepMs: number;
  readonly seed: number;
  readonly crashAt: number;
  /** The daemon is killed as soon as this step is seen. */
  readonly killDaemonAt: number;
  readonly hangAt: number;
}

export const PLAN: DemoPlan = {
  job: 'demo',
  steps: 240,
  saveEvery: 30,
  sampleEvery: 120,
  stepMs: 22,
  seed: 42,
  // Each between two checkpoints, so that steps are lost and the resume has something to prove.
  crashAt: 70,
  killDaemonAt: 100,
  hangAt: 205,
};

/** The faults that the embedded trainer brings upon itself in the second training. */
export function faultsOf(plan: DemoPlan): string[] {
  return [`crash@${plan.crashAt}`, `hang@${plan.hangAt}`];
}

export function demoJob(plan: DemoPlan, faults: readonly string[]): string {
  return stringify({
    name: plan.job,
    trainer: 'reference',
    with: {
      steps: plan.steps,
      save_every: plan.saveEvery,
      sample_every: plan.sampleEvery,
      step_ms: plan.stepMs,
      seed: plan.seed,
      ...(faults.length === 0 ? {} : { faults: [...faults] }),
    },
  });
}

/**
 * The configuration of a home of the demo: any free port, so that it stands beside a real daemon,
 * and the patience cut down from that for a night's steps of seconds to one for steps of 22 ms.
 */
export function demoConfig(): string {
  return stringify({
    http: { host: '127.0.0.1', port: 0 },
    watch: { poll_seconds: 0.1 },
    hang: { floor_seconds: 2, confirm_seconds: 1 },
    kill: { grace_seconds: 2 },
    checkpoints: { settle_seconds: 0.2, scan_seconds: 0.3 },
    evidence: { limit_seconds: 5 },
  });
}
