import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { redact, withoutTokens } from '../../../config/index.js';
import { knobsOf, resumeArgs, type Turned } from '../../../trainer/adapters/index.js';
import { createCheckpointStore } from '../../../trainer/checkpoints/index.js';
import {
  collectEvidence,
  type Exit,
  kill,
  LaunchFailed,
  launch,
  lineageOf,
  type ProcessRef,
  settle,
  type Target,
  wake,
} from '../../../trainer/process/index.js';
import type { CheckpointRef, JobCommand } from '../../core/index.js';
import { Ahead } from './ahead.js';
import { lookAtArtefact } from './artefact.js';
import { chooseCheckpoint, chooseFinite, distrust, isTotalKnown } from './checkpoints.js';
import type { Surroundings, TrainContext, TrainPlan } from './context.js';
import { environmentOf } from './environment.js';
import { gpuProof, noteGpuMemory } from './gpu-proof.js';
import { keepEvidence } from './keep-evidence.js';
import { endForGood, LAST } from './last.js';
import { Live } from './live.js';
import { oomKills } from './oom.js';
import { jobPaths } from './paths.js';
import { persist } from './persist.js';
import { readRemains } from './remains.js';
import { makeRoom } from './room.js';

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

/** Leftovers of a trainer that is dead already get this long to end by themselves (seconds). */
const LEFTOVER_GRACE = 2;

/** After an exit, where another attempt follows. */
const GOES_ON: ReadonlySet<string> = new Set(['waiting', 'starting', 'running']);

/** One job's attempts. Commands that start, find, end or examine an attempt run one after another;
 * looking and waking never wait for them. */
export function createTrainTask(name: string, plan: TrainPlan, context: TrainContext): TrainTask {
  const paths = jobPaths(context.home, name);
  const at: Surroundings = {
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
  const ahead = new Ahead(at);
  let live: Live | null = null;
  let closed = false;
  const giveUp = new AbortController();
  let oomBefore = oomKills();
  let queue: Promise<void> = Promise.resolve();

  const watch = (next: Live): void => {
    live = next;
    ahead.arm();
    void next.ended.then((exit) => {
      if (closed || live !== next) return;
      void enqueue(() => ended(next.attempt, exit, false));
    });
  };

  /** The trainer is gone: what it left behind is ended, read and judged. */
  const ended = async (
    attempt: number,
    exit: Exit | null,
    rebooted: boolean,
    shepherd: ProcessRef | null = null,
  ): Promise<void> => {
    const was = live?.attempt === attempt ? live : null;
    live = null;
    const target: Target = was?.target ?? { lineage: at.lineage, shepherd, since: 0 };
    const cleared = await kill(target, {
      grace_seconds: LEFTOVER_GRACE,
      verify_seconds: at.settings.verify_seconds,
    });
    if (cleared.is === 'survived') return unkillable(attempt, cleared.survivors);
    const whole = exit?.code === 0;
    const output = was === null ? readRemains(at, attempt, whole) : was.drain(whole);
    // The total, which may stand in what is still unread, bounds the steps a checkpoint can have.
    if (!isTotalKnown(at)) await output;
    const [tail, artefact, from] = await Promise.all([
      output,
      lookAtArtefact(plan.done.artefact, plan.done.since),
      chooseCheckpoint(at),
    ]);
    void was?.close();
    const oomNow = oomKills();
    const oom_killed = oomNow !== null && oomBefore !== null && oomNow > oomBefore;
    oomBefore = oomNow;
    await at.observe({
      is: 'exited',
      job: name,
      attempt,
      ending: { exit, tail, artefact, rebooted, oom_killed },
      from,
      artefact_path: plan.done.artefact,
    });
    if (!GOES_ON.has(at.job()?.run.at ?? 'stopped')) ahead.end();
  };

  const unkillable = async (
    attempt: number,
    survivors: readonly { pid: number; letter: string }[],
  ): Promise<void> => {
    ahead.end();
    await at.observe({
      is: 'unkillable',
      job: name,
      attempt,
      survivors: survivors.map(({ pid }) => pid),
      why: `processes that SIGKILL does not end: ${said(survivors)}`,
    });
  };

  const prepare = async (below: number | null): Promise<void> => {
    // Whatever an earlier life of this job left running would be a second trainer beside the first.
    const cleared = await kill(
      { lineage: at.lineage, shepherd: null, since: 0 },
      { grace_seconds: at.settings.grace_seconds, verify_seconds: at.settings.verify_seconds },
    );
    if (cleared.is === 'survived') {
      const survivors = cleared.survivors.map(({ pid }) => pid);
      const why = `processes of an earlier attempt that SIGKILL does not end: ${said(cleared.survivors)}`;
      return at.observe({ is: 'leftovers', job: name, survivors, why });
    }
    const nan = at.job()?.next_reason === 'nan';
    const from = nan ? await chooseFinite(at, below) : await chooseCheckpoint(at);
    await at.observe({ is: 'prepared', job: name, from });
  };

  const spawn = async (
    attempt: number,
    from: CheckpointRef | null,
    turned: Turned,
  ): Promise<void> => {
    const knobs = knobsOf(plan, turned);
    const argv = [...resumeArgs(plan, from), ...knobs.args];
    const standby = ahead.take();
    const env = environmentOf(at, knobs.env, from);
    try {
      const how = {
        dir: paths.attempt(attempt),
        attempt,
        argv,
        cwd: plan.cwd,
        env,
        lineage: at.lineage,
        tether: at.tether,
        log: paths.log(attempt),
        facts: { job: name, attempt, from },
        onTrouble: (what: string) => at.log.warn(`${name}: ${what}`),
      };
      const { child, shepherd, trainer } = await launch(how, () => {}, standby);
      void noteGpuMemory(at, attempt);
      watch(new Live(at, attempt, shepherd, trainer, child));
      await at.observe({ is: 'spawned', job: name, attempt, shepherd, trainer });
    } catch (error) {
      const permanent = error instanceof LaunchFailed && error.permanent;
      await at.observe({
        is: 'spawn_failed',
        job: name,
        attempt,
        reason: (error as Error).message,
        permanent,
        from,
      });
    } finally {
      // If it was not up to this order.
      standby?.end();
    }
  };

  const adopt = async (attempt: number): Promise<void> => {
    const dir = paths.attempt(attempt);
    const found = await settle(dir, bootOf(dir));
    if (found.is === 'never_ran') return at.observe({ is: 'never_ran', job: name, attempt });
    if (found.is === 'alive') {
      watch(new Live(at, attempt, found.shepherd, found.trainer, null));
      return at.observe({
        is: 'adopted',
        job: name,
        attempt,
        shepherd: found.shepherd,
        trainer: found.trainer,
      });
    }
    await ended(attempt, found.exit, found.rebooted, found.shepherd);
  };

  const evidence = async (attempt: number, why: string): Promise<void> => {
    if (live?.attempt !== attempt) return;
    const saved = await collectEvidence({
      ...live.target,
      dir: join(paths.attempt(attempt), 'evidence'),
      log: paths.log(attempt),
      heartbeats: join(paths.attempt(attempt), 'heartbeat'),
      why,
      limit_seconds: at.settings.evidence_seconds,
      env: withoutTokens(at.environment),
      redact,
    });
    await at.observe({ is: 'evidence', job: name, attempt, ...saved });
    // Beside the kill, which waits for nothing more.
    void keepEvidence(name, at, () => closed);
  };

  const end = async (attempt: number): Promise<void> => {
    if (live?.attempt !== attempt) return;
    const { target } = live;
    const stillHeld = await gpuProof(at, attempt, target);
    const killed = await kill(target, at.settings);
    if (killed.is === 'survived') return unkillable(attempt, killed.survivors);
    const why = await stillHeld();
    if (why !== null)
      return at.observe({ is: 'unkillable', job: name, attempt, survivors: [], why });
    await at.observe({
      is: 'killed',
      job: name,
      attempt,
      seconds: killed.seconds,
      escalated: killed.escalated,
    });
  };

  const enqueue = (work: () => Promise<void>): Promise<void> => {
    queue = queue.then(work).catch((error: Error) => {
      at.log.error(`${name}: ${error.message}`, { stack: error.stack });
    });
    return queue;
  };

  return {
    execute(command) {
      switch (command.do) {
        case 'prepare':
          return enqueue(() => persist(at, () => prepare(command.below), giveUp.signal));
        case 'spawn':
          return enqueue(() => spawn(command.attempt, command.from, command.knobs));
        case 'adopt':
          return enqueue(() => adopt(command.attempt));
        case 'evidence':
          return enqueue(() => evidence(command.attempt, command.why));
        case 'kill':
          return enqueue(() => end(command.attempt));
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

const said = (survivors: readonly { pid: number; letter: string }[]): string =>
  survivors.map(({ pid, letter }) => `${pid} (state ${letter})`).join(', ');

/** The boot in which an attempt was begun; null when that was not recorded. */
function bootOf(dir: string): string | null {
  try {
    const { boot_id } = JSON.parse(readFileSync(join(dir, 'attempt.json'), 'utf8')) as {
      boot_id?: unknown;
    };
    return typeof boot_id === 'string' ? boot_id : null;
  } catch {
    // Absent or half written: the claim file decides.
    return null;
  }
}
