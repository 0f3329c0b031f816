import type { Command, FollowUp, FollowUpOutcome, Job, Observation } from '../core/index.js';
import { type DeliverSpec, deliver } from '../tasks/deliver/index.js';
import type { PublishSpec } from '../tasks/publish/index.js';
import type { TrainPlan } from '../tasks/train/index.js';

export interface FollowUpContext {
  readonly job: (name: string) => Job | undefined;
  readonly observe: (seen: Observation) => Promise<void>;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: {
    warn(message: string): void;
    error(message: string, fields?: Record<string, unknown>): void;
  };
}

export interface FollowUps {
  execute(command: Extract<Command, { do: 'follow_up' }>): void;
  /** Breaks off what is under way; the next daemon goes on with it. */
  close(): Promise<void>;
}

/** Carries out follow-ups, each beside the others; of one job's, one of a kind at a time. */
export function createFollowUps(at: FollowUpContext): FollowUps {
  const ending = new AbortController();
  const running = new Map<string, { abort: AbortController; over: Promise<void> }>();

  const execute: FollowUps['execute'] = ({ job: name, task, id }) => {
    const slot = `${task} ${name}`;
    const before = running.get(slot);
    // Of an asking that this one has replaced: its outcome would count for nothing.
    before?.abort.abort();
    const abort = new AbortController();
    const signal = AbortSignal.any([ending.signal, abort.signal]);
    const over = (before?.over ?? Promise.resolve())
      .then(() => one(name, task, id, signal))
      .catch((error: Error) => {
        if (!signal.aborted) at.log.error(`${name}: ${task}: ${error.message}`, { error });
      })
      .finally(() => {
        if (running.get(slot)?.abort === abort) running.delete(slot);
      });
    running.set(slot, { abort, over });
  };

  const one = async (
    name: string,
    task: FollowUp,
    id: number,
    signal: AbortSignal,
  ): Promise<void> => {
    signal.throwIfAborted();
    const job = at.job(name);
    const asked = job?.tasks?.[task];
    if (job === undefined || asked === undefined || asked.id !== id) return;
    const outcome = await carryOut(job, task, asked.spec, signal);
    signal.throwIfAborted();
    await at.observe({ is: 'followed_up', job: name, task, id, outcome });
  };

  const carryOut = async (
    job: Job,
    task: FollowUp,
    spec: unknown,
    signal: AbortSignal,
  ): Promise<FollowUpOutcome> => {
    const { cwd, done } = job.spec.plan as TrainPlan;
    const { artefact } = done;
    if (artefact === null) return nothingLeft(task);
    const { name } = job;
    const warn = (message: string): void => at.log.warn(`${name}: ${task}: ${message}`);
    const common = { artefact, env: at.env, signal, warn };
    switch (task) {
      case 'deliver':
        return deliver(spec as DeliverSpec, { ...common, job: name });
      case 'publish': {
        // Loaded when it is needed: most daemons never publish, and the Hub's client is large.
        const { publish } = await import('../tasks/publish/index.js');
        return publish(spec as PublishSpec, { ...common, job, cwd, home: at.home });
      }
    }
  };

  return {
    execute,
    async close() {
      ending.abort();
      await Promise.all([...running.values()].map(({ over }) => over));
    },
  };
}

function nothingLeft(task: FollowUp): FollowUpOutcome {
  return {
    is: 'failed',
    reason: `the job names no file that its training leaves, so there is nothing to ${task}`,
    remedy: 'Name it under done.artefact in the job file.',
    permanent: true,
    retry_after: null,
  };
}
