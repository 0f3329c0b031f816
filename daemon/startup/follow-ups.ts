import { setTimeout as delay } from 'node:timers/promises';
import type { Command, FollowUp, FollowUpOutcome, Job, Observation } from '../core/index.js';
import { Cannot, failureOf } from '../tasks/cannot.js';
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

/** The longest that one try may take. */
const LIMIT_SECONDS: Readonly<Record<FollowUp, number>> = { deliver: 1800, publish: 43_200 };
const CLOSE_MS = 3000;

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
    const outcome = await within(LIMIT_SECONDS[task], signal, (until) =>
      carryOut(job, task, asked.spec, until),
    ).catch(failureOf);
    signal.throwIfAborted();
    await at.observe({ is: 'followed_up', job: name, task, id, outcome });
  };

  const carryOut = async (
    job: Job,
    task: FollowUp,
    spec: unknown,
    signal: AbortSignal,
  ): Promise<FollowUpOutcome> => {
    const { cwd, done, checkpoints, weights } = job.spec.plan as TrainPlan;
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
        const saves = weights ?? checkpoints;
        return publish(spec as PublishSpec, { ...common, job, cwd, saves, home: at.home });
      }
    }
  };

  return {
    execute,
    async close() {
      ending.abort();
      const over = Promise.all([...running.values()].map((one) => one.over));
      // A volume that hangs must not keep the daemon from ending; whatever it was is begun anew.
      await Promise.race([over, delay(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

/** Gives up on what has no end: a read of a dead network volume never comes back, not even to an
 * abort. */
async function within<T>(
  seconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const late = delay(seconds * 1000, null, { ref: false, signal: until }).then(() => {
    throw new Cannot(`it did not end within ${seconds / 60} minutes`, '', false);
  });
  try {
    return await Promise.race([work(until), late]);
  } finally {
    over.abort();
  }
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
