import { setTimeout as delay } from 'node:timers/promises';
import { createCheckpointStore } from '../../../trainer/checkpoints/index.js';
import { lineageOf, settle, wake } from '../../../trainer/process/index.js';
import type { JobCommand } from '../../core/index.js';
import { Ahead } from './ahead.js';
import { distrust } from './checkpoints.js';
import type { Surroundings, TrainContext, TrainPlan } from './context.js';
import { type Ended, endOf } from './end-of.js';
import { readFacts } from './facts.js';
import { keepEvidence } from './keep-evidence.js';
import { endForGood, LAST } from './last.js';
import { Live } from './live.js';
import { oomKills } from './oom.js';
import { jobPaths } from './paths.js';
import { persist } from './persist.js';
import { prepare } from './prepare.js';
import { putDown, saveEvidence } from './put-down.js';
import { makeRoom } from './room.js';
import { spawn } from './spawn.js';

export type { TrainContext } from './context.js';

/** What is asked of the attempts of a job. */
export type TrainCommand = Exclude<JobCommand, { do: 'follow_up' }>;

export interface TrainTask {
  /** Carries a command out; resolves when it is done and its outcome was observed. */
  execute(command: TrainCommand): Promise<void>;
  /** Ends the watching. The trainer goes on and is found again by the next daemon; or, under a
   * scheduler, it is ended too, within 20 s. */
  close(trainer?: 'goes on' | 'ends'): Promise<void>;
}

/** After an exit, where another attempt follows. */
const GOES_ON: ReadonlySet<string> = new Set(['waiting', 'starting', 'running']);

/** One job's attempts. Commands that start, find, end or examine an attempt run one after another;
 * looking and waking never wait for them. */
export function createTrainTask(name: string, plan: TrainPlan, context: TrainContext): TrainTask {
  const at = surroundingsOf(name, plan, context);
  const ahead = new Ahead(at);
  const giveUp = new AbortController();
  let live: Live | null = null;
  let closed = false;
  let oomBefore: number | null = null;
  let queue: Promise<void> = Promise.resolve();

  const enqueue = (work: () => Promise<void>): Promise<void> => {
    queue = queue.then(work).catch((error: Error) => {
      at.log.error(`${name}: ${error.message}`, { stack: error.stack });
    });
    return queue;
  };

  const watch = (next: Live): void => {
    live = next;
    ahead.arm();
    void next.ended.then((exit) => {
      if (closed || live !== next) return;
      const { attempt } = next;
      void enqueue(() => ended({ attempt, exit, rebooted: false, shepherd: null }));
    });
  };

  const ended = async (
    how: Pick<Ended, 'attempt' | 'exit' | 'rebooted' | 'shepherd'>,
  ): Promise<void> => {
    const was = live?.attempt === how.attempt ? live : null;
    live = null;
    await endOf(at, { ...how, live: was, oom_kills: oomBefore, told: giveUp.signal });
    if (!GOES_ON.has(at.job()?.run.at ?? 'stopped')) ahead.end();
  };

  const adopt = async (attempt: number): Promise<void> => {
    const dir = at.paths.attempt(attempt);
    const { boot_id, oom_kills } = readFacts(dir);
    oomBefore = oom_kills;
    const found = await settle(dir, boot_id);
    if (found.is === 'never_ran') return at.observe({ is: 'never_ran', job: name, attempt });
    if (found.is === 'ended') return ended({ ...found, attempt });
    const { shepherd, trainer } = found;
    watch(new Live(at, attempt, shepherd, trainer, null));
    await at.observe({ is: 'adopted', job: name, attempt, shepherd, trainer });
  };

  /** Does it to the attempt that is watched, unless that is another one by now. */
  const toLive = async (attempt: number, work: (live: Live) => Promise<void>): Promise<void> => {
    if (live?.attempt === attempt) await work(live);
  };

  return {
    execute(command) {
      switch (command.do) {
        case 'prepare':
          return enqueue(() => persist(at, () => prepare(at, command.below), giveUp.signal));
        case 'spawn': {
          const { attempt, from, knobs } = command;
          const oom_kills = oomKills();
          oomBefore = oom_kills;
          return enqueue(() => spawn(at, { attempt, from, knobs, oom_kills }, ahead.take(), watch));
        }
        case 'adopt':
          return enqueue(() => adopt(command.attempt));
        case 'evidence':
          return enqueue(() =>
            toLive(command.attempt, async (it) => {
              await saveEvidence(at, it, command.why);
              // Beside the kill, which waits for nothing more.
              void keepEvidence(name, at, () => closed);
            }),
          );
        case 'kill':
          return enqueue(() => toLive(command.attempt, (it) => putDown(at, it)));
        case 'quarantine':
          return enqueue(() => distrust(at, command.checkpoint, command.reason));
        case 'make_room':
          return enqueue(() => makeRoom(at));
        case 'observe':
          if (live?.attempt === command.attempt) live.observe();
          return Promise.resolve();
        case 'continue':
          if (live?.attempt === command.attempt) wake(live.target);
          return Promise.resolve();
      }
    },
    async close(trainer = 'goes on') {
      closed = true;
      giveUp.abort();
      if (trainer === 'ends') {
        // Evidence, or the reading of a checkpoint: not worth being killed over.
        await Promise.race([queue, delay(LAST.work_seconds * 1000, undefined, { ref: false })]);
        await endForGood(at, live?.target ?? null);
      } else await queue;
      // Not before: a start that was under way has just had one more made ready.
      ahead.end();
      await live?.close();
      await at.store.flush();
    },
  };
}

function surroundingsOf(name: string, plan: TrainPlan, context: TrainContext): Surroundings {
  const paths = jobPaths(context.home, name);
  return {
    ...context,
    settings: { ...context.settings, ...plan.kill },
    name,
    plan,
    paths,
    lineage: lineageOf(context.home.root, name),
    store: createCheckpointStore({
      dir: paths.checkpoints,
      quarantineDir: paths.quarantine,
      now: Date.now,
      settle_ms: context.settings.settle_seconds * 1000,
    }),
  };
}
