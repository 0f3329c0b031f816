import type { Entry, JobStatus, ProcessRef } from '../../core/index.js';

/** What happened to a training, as its journal proves it. */
export interface Proof {
  readonly crash: boolean;
  readonly hang: boolean;
  /** The trainer that lived when the daemon was killed was found again by the next one. */
  readonly daemon_kill: boolean;
}

/**
 * A fault counts when the journal has it and, after it, new steps of a later attempt; the daemon's
 * death when a second daemon adopted the very process (pid, start time, boot) that was training.
 * @param orphan the trainer at the moment when the daemon was killed; null if it never came to that.
 */
export function prove(entries: readonly Entry[], orphan: ProcessRef | null): Proof {
  const recovered = (cause: 'crash' | 'hang'): boolean => {
    const at = entries.findIndex(
      (entry) => entry.type === 'attempt_ended' && entry.cause === cause,
    );
    return (
      at >= 0 &&
      entries.slice(at).some((entry) => entry.type === 'recovered' && entry.cause === cause)
    );
  };
  const adopted = entries.some(
    (entry) => entry.type === 'attempt_adopted' && orphan !== null && same(entry.trainer, orphan),
  );
  const starts = entries.filter((entry) => entry.type === 'daemon_started').length;
  return {
    crash: recovered('crash'),
    hang: recovered('hang') && entries.some((entry) => entry.type === 'hang_confirmed'),
    daemon_kill: adopted && starts >= 2,
  };
}

export interface Account {
  readonly completed: boolean;
  readonly identical: boolean;
  readonly lora_sha256: string | null;
  readonly baseline_sha256: string | null;
  readonly faults: Proof;
  readonly attempts: number;
  readonly lost_steps: number;
  readonly hang_detection_seconds: number | null;
  readonly recovery_seconds: number | null;
  readonly ettr: number | null;
  readonly wall_seconds: number;
}

/** The account of a demo that did not get as far as one. */
export const NOTHING: Account = {
  completed: false,
  identical: false,
  lora_sha256: null,
  baseline_sha256: null,
  faults: { crash: false, hang: false, daemon_kill: false },
  attempts: 0,
  lost_steps: 0,
  hang_detection_seconds: null,
  recovery_seconds: null,
  ettr: null,
  wall_seconds: 0,
};

export interface Findings {
  readonly baseline: JobStatus;
  readonly night: JobStatus;
  readonly proof: Proof;
  readonly lora_sha256: string | null;
  readonly baseline_sha256: string | null;
  readonly wall_seconds: number;
}

export function accountOf(found: Findings): Account {
  const { baseline, night, proof, lora_sha256, baseline_sha256, wall_seconds } = found;
  return {
    completed: [baseline, night].every(
      ({ state, step, total_steps }) => state === 'finished' && step === total_steps,
    ),
    identical: lora_sha256 !== null && lora_sha256 === baseline_sha256,
    lora_sha256,
    baseline_sha256,
    faults: proof,
    attempts: night.attempt,
    lost_steps: night.lost_steps,
    hang_detection_seconds: rounded(night.hang_detection_seconds),
    recovery_seconds: rounded(night.recovery_seconds),
    ettr: rounded(night.ettr),
    wall_seconds: rounded(wall_seconds)!,
  };
}

/** What is wrong with an account, in words; empty when the demo showed what it promises. */
export function objections(account: Account): string[] {
  const { completed, identical, faults } = account;
  return [
    completed ? null : 'not both trainings were finished',
    identical ? null : 'the two LoRA files differ',
    faults.crash ? null : 'no crash was recovered from',
    faults.hang ? null : 'no hang was recovered from',
    faults.daemon_kill ? null : 'the trainer was not adopted after the daemon was killed',
  ].filter((text) => text !== null);
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}

function same(a: ProcessRef, b: ProcessRef): boolean {
  return a.pid === b.pid && a.start_ticks === b.start_ticks && a.boot_id === b.boot_id;
}
