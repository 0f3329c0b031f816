import type { Config } from '../../config/index.js';
import type { Command } from '../core/index.js';
import type { Engine } from '../engine/index.js';
import { createDownloadTasks, downloadSettings } from '../tasks/download/index.js';
import {
  createTrainTask,
  keepEvidence,
  type TrainContext,
  type TrainPlan,
  type TrainTask,
} from '../tasks/train/index.js';
import { createFollowUps } from './follow-ups.js';
import { secretOf } from './secret-of.js';
import { trainSettings } from './settings.js';
import { isNetworkVolume } from './volume.js';

interface Edged {
  readonly home: TrainContext['home'];
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Made after its edges, which it commands. */
  readonly engine: () => Engine;
  readonly gpuRatio: () => number | null;
  /** Words in front of every command; see tether.ts. */
  readonly tether: readonly string[];
  readonly onBytes: (model: string, bytes: number) => void;
  readonly onSize: (model: string, bytes: number) => void;
  readonly log: TrainContext['log'] & { info(message: string): void };
}

/** The tasks of a daemon: each job's attempts, downloads, and what follows a training. */
export function createEdges(at: Edged) {
  const { home, env, log } = at;
  const around = {
    home,
    observe: ((seen) => at.engine().observe(seen)) satisfies TrainContext['observe'],
    settings: trainSettings(at.config, isNetworkVolume(home.state)),
    log,
  };
  const job = (name: string) => at.engine().state.jobs[name];
  const trainings = new Map<string, TrainTask>();
  const trainingOf = (name: string): TrainTask | null => {
    const known = trainings.get(name);
    const spec = job(name)?.spec;
    if (known !== undefined || spec === undefined) return known ?? null;
    const training = createTrainTask(name, spec.plan as TrainPlan, {
      ...around,
      job: () => job(name),
      gpuRatio: at.gpuRatio,
      environment: env,
      tether: at.tether,
      secret: (variable) => secretOf(variable, env, home.root),
    });
    trainings.set(name, training);
    return training;
  };
  const downloads = createDownloadTasks({
    home: home.root,
    environment: env,
    settings: downloadSettings(at.config, home.root),
    observe: around.observe,
    onBytes: at.onBytes,
    onSize: at.onSize,
    log,
  });
  const followUps = createFollowUps({ job, observe: around.observe, home: home.root, env, log });
  const adoptions: Promise<void>[] = [];
  let closed = false;
  return {
    downloads,
    execute(command: Command): void {
      if ('download' in command) return downloads.execute(command);
      if (command.do === 'follow_up') return followUps.execute(command);
      const done = trainingOf(command.job)?.execute(command);
      if (command.do === 'adopt' && done !== undefined) adoptions.push(done);
    },
    /** Queued again under an old name: the plan may be another. */
    forget: (name: string) => void trainings.delete(name),
    /** Resolves when it is settled which trainers of an earlier daemon are alive. */
    adopted: async () => void (await Promise.all(adoptions)),
    /** Applies the rule of retention to what earlier daemons have left. */
    keepEvidence(): void {
      for (const name of Object.keys(at.engine().state.jobs))
        void keepEvidence(name, around, () => closed);
    },
    async close(trainer: 'goes on' | 'ends'): Promise<void> {
      closed = true;
      await Promise.all([
        downloads.close(),
        followUps.close(),
        ...[...trainings.values()].map((training) => training.close(trainer)),
      ]);
    },
  };
}
