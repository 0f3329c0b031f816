import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import {
  type Config,
  homePaths,
  hubTokens,
  keepEnvironmentSecrets,
  loadConfig,
} from '../config/index.js';
import { busiest, watchGpus } from '../healthchecks/index.js';
import { bootId, tether } from '../trainer/process/index.js';
import {
  type Command,
  type Event,
  endUnderScheduler,
  endWhenTold,
  initialState,
  type Now,
  type Observation,
  reduce,
  type State,
} from './core/index.js';
import { createEngine, type Engine } from './engine/index.js';
import { type HttpServer, startHttp } from './http/index.js';
import { type Lock, openJournal, processIdentity } from './journal/index.js';
import { journalToLog, openLog } from './log/index.js';
import type { Notifier } from './notify/index.js';
import {
  announce,
  askFollowUp,
  bringJob,
  createFollowUps,
  demoJob,
  downloadDoor,
  isNetworkVolume,
  isScheduled,
  jobSpecOf,
  mailSetup,
  policyOf,
  queueJob,
  secretOf,
  startMail,
  type Teller,
  takeLock,
  trainSettings,
  version,
} from './startup/index.js';
import { createDownloadTasks, downloadSettings } from './tasks/download/index.js';
import {
  createTrainTask,
  keepEvidence,
  type TrainPlan,
  type TrainTask,
} from './tasks/train/index.js';

export interface DaemonOptions {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ask a daemon that holds the home to make way, instead of giving up. */
  readonly takeover?: boolean;
  /** Queue the demo job when this home has never had a job. */
  readonly demoIfEmpty?: boolean;
  /** A job file that is to be done, read and checked. */
  readonly job?: { readonly source: string; readonly text: string };
  /** Human log lines on stderr besides the file. */
  readonly foreground?: boolean;
}

export interface DaemonHandle {
  readonly port: number;
  readonly url: string;
  readonly engine: Engine;
  /** Ends the daemon and leaves the trainer running: the next daemon adopts it. */
  stop(reason: string): Promise<void>;
  /** Resolves with the reason when the daemon has ended, however that was asked for. */
  readonly stopped: Promise<string>;
  /** 0, or what a scheduler is told of the jobs when the daemon runs as one of its own. */
  exitCode(): number;
}

/**
 * Starts the daemon of a home: lock, journal, engine, edges, HTTP. The only place that knows all
 * rooms. Throws ConfigError, LockHeld, JournalDamaged or PortTaken, having left nothing behind.
 */
export async function startDaemon(options: DaemonOptions): Promise<DaemonHandle> {
  const config = loadConfig({ home: options.home, env: options.env });
  const home = { root: options.home, ...homePaths(options.home) };
  let onLost = (_by: unknown): void => {};
  const lock = await takeLock({
    dir: home.state,
    takeover: options.takeover ?? false,
    onLost: (by) => onLost(by),
  });
  try {
    const daemon = await start(options, config, home, lock);
    onLost = () => void daemon.stop('another machine took this home over');
    return daemon;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

type Home = { root: string } & ReturnType<typeof homePaths>;

async function start(
  options: DaemonOptions,
  config: Config,
  home: Home,
  lock: Lock,
): Promise<DaemonHandle> {
  const setup = mailSetup(config, home.root);
  const log = openLog({
    dir: home.logs,
    level: config.log.level,
    maxBytes: config.log.max_bytes,
    files: config.log.files,
    foreground: options.foreground ?? false,
  });
  keepEnvironmentSecrets(options.env);
  for (const warning of hubTokens(options.env, options.home).warnings) log.warn(warning);
  const clock = (): Now => ({ mono: performance.now() / 1000, wall: Date.now() / 1000 });
  let stamp = clock().wall;
  const opened = await openJournal<Event, State>({
    dir: home.state,
    initial: initialState,
    apply: (state, entry) => reduce(state, entry as never),
    now: () => stamp,
    gap: (dropped) => ({ type: 'journal_gap', dropped }),
  });
  const { journal, repaired } = opened;
  if (repaired.cut_bytes > 0)
    log.warn(`the journal ended in a torn line; ${repaired.cut_bytes} bytes were cut`);
  if (repaired.damaged_lines > 0) log.error('the journal has unreadable lines', { ...repaired });
  journal.onHealth((health) => {
    if (health.state === 'ok')
      log.info('the journal is written again; nothing was lost while it was not');
    else
      log.error(
        `the journal cannot be written (${health.code}): the training goes on, nothing is decided until it can`,
      );
  });

  let http: HttpServer | null = null;
  let mail: Notifier | null = null;
  const gpus = watchGpus({
    onReading: (readings) => http?.metrics.gpus(readings),
    onTrouble: (what) => log.warn(what),
  });
  const tasks = new Map<string, TrainTask>();
  const scheduled = isScheduled(config.scheduler, options.env);
  const tied = scheduled ? tether() : [];
  if (tied === null)
    log.warn(
      'setpriv (util-linux) is missing: should this daemon be killed, its trainer would outlive the job',
    );
  const settings = trainSettings(config, isNetworkVolume(home.state));
  const around = {
    home,
    observe: (seen: Observation) => engine.observe(seen),
    settings,
    log,
  };
  const taskOf = (name: string): TrainTask | null => {
    const known = tasks.get(name);
    const job = engine.state.jobs[name];
    if (known !== undefined || job === undefined) return known ?? null;
    const task = createTrainTask(name, job.spec.plan as TrainPlan, {
      ...around,
      job: () => engine.state.jobs[name],
      gpuRatio: () => busiest(gpus.latest()),
      environment: options.env,
      tether: tied ?? [],
      secret: (name) => secretOf(name, options.env, options.home),
    });
    tasks.set(name, task);
    return task;
  };
  const downloads = createDownloadTasks({
    home: home.root,
    environment: options.env,
    settings: downloadSettings(config, home.root),
    observe: (seen) => engine.observe(seen),
    onBytes: (model, bytes) => http?.metrics.downloaded(model, bytes),
    onSize: (model, bytes) => http?.metrics.downloadSize(model, bytes),
    log,
  });
  const followUps = createFollowUps({
    job: (name) => engine.state.jobs[name],
    observe: (seen) => engine.observe(seen),
    home: options.home,
    env: options.env,
    log,
  });
  const adoptions: Promise<void>[] = [];
  const execute = (command: Command): void => {
    if ('download' in command) return downloads.execute(command);
    if (command.do === 'follow_up') return followUps.execute(command);
    const done = taskOf(command.job)?.execute(command);
    if (command.do === 'adopt' && done !== undefined) adoptions.push(done);
  };
  const engine = createEngine({
    journal,
    state: opened.state,
    policy: policyOf(config),
    clock,
    stamp: (wall) => {
      stamp = wall;
    },
    execute,
    compactBytes: config.journal.compact_bytes,
    onError: (doing, error) => log.error(`${doing}: ${error.message}`, { stack: error.stack }),
  });
  engine.subscribe((entry) => {
    // Queued again under an old name: the plan may be another.
    if (entry.type === 'job_queued') tasks.delete(entry.job);
    const sentence = journalToLog(entry);
    if (sentence !== null) log[sentence.level](sentence.message, sentence.fields);
    endIfDone();
  });

  let ready = false;
  let teller: Teller | null = null;
  let resolveStopped: (reason: string) => void = () => {};
  const stopped = new Promise<string>((resolve) => {
    resolveStopped = resolve;
  });
  let stopping: Promise<void> | null = null;
  let ticker: NodeJS.Timeout | null = null;

  let exitCode = 0;
  const endIfDone = (): void => {
    const code = scheduled && ready ? endUnderScheduler(engine.state) : null;
    if (code !== null) void stop(`nothing is left to do here (exit code ${code})`);
  };
  const shutDown = async (reason: string): Promise<void> => {
    if (scheduled) exitCode = endWhenTold(engine.state);
    if (ticker !== null) clearInterval(ticker);
    gpus.close();
    await http?.close();
    const trainer = scheduled ? 'ends' : 'goes on';
    await Promise.all([
      downloads.close(),
      followUps.close(),
      mail?.close(),
      ...[...tasks.values()].map((task) => task.close(trainer)),
    ]);
    // While the disk refuses, the event waits in memory and goes with us: it is only a courtesy.
    void engine.observe({ is: 'daemon_stopping', reason });
    const { unwritten } = await journal.close();
    if (unwritten > 0)
      log.error(`${unwritten} journal entries could not be written before the end`);
    teller?.withdraw();
    await lock.release();
    await log.close();
    resolveStopped(reason);
  };
  const stop = (reason: string): Promise<void> => {
    stopping ??= shutDown(reason);
    return stopping;
  };

  try {
    http = await startHttp({
      engine,
      host: config.http.host,
      port: config.http.port,
      tokenFile: `${home.state}/api-token`,
      version: version(),
      ready: () => ready,
      queueJob: (source, text) =>
        queueJob({ engine, home, config, env: options.env, source, text }),
      downloads: downloadDoor(
        () => engine,
        () => downloads,
        home.root,
      ),
      followUp: (job, task, asked) => askFollowUp(engine, config, job, task, asked),
      shutdown: (reason) => void stop(reason),
      diskPaths: [home.state, home.outputs],
      logger: log,
    });
    const said = {
      ...processIdentity(),
      port: http.port,
      url: http.url,
      version: version(),
      started: clock().wall,
    };
    teller = announce(home.state, said, (trouble) => {
      if (trouble === null) return log.info('state/daemon.json is written now');
      log.error(
        `state/daemon.json cannot be written (${trouble.message}): the commands will not find this daemon until it can`,
      );
    });
    await engine.observe({
      is: 'daemon_up',
      pid: process.pid,
      version: version(),
      boot_id: bootId(),
    });
    // The daemon's own loop goes on while it looks for trainers, which may take a while.
    ticker = setInterval(
      () => void engine.observe({ is: 'tick' }),
      config.watch.poll_seconds * 1000,
    );
    await Promise.all(adoptions);
    mail = await startMail({
      setup,
      home: home.root,
      engine,
      clock: () => clock().wall,
      log,
    });
    ready = true;
    for (const name of Object.keys(engine.state.jobs))
      void keepEvidence(name, around, () => stopping !== null);
    log.info(`nightwarden ${version()} watches over ${home.root}`, {
      url: http.url,
      host: hostname(),
      pid: process.pid,
    });
    if (options.demoIfEmpty && Object.keys(engine.state.jobs).length === 0) {
      await engine.request({ is: 'queue', spec: jobSpecOf(demoJob(home), home, config) });
    }
    if (options.job !== undefined) {
      const about = { engine, home, config, env: options.env };
      const refused = await bringJob({ ...about, ...options.job });
      if (refused !== null) throw new Error(refused);
    }
    // What an earlier daemon of the same job has done is done.
    endIfDone();
    return { port: http.port, url: http.url, engine, stop, stopped, exitCode: () => exitCode };
  } catch (error) {
    if (ticker !== null) clearInterval(ticker);
    teller?.withdraw();
    gpus.close();
    await http?.close();
    await Promise.all([
      downloads.close(),
      followUps.close(),
      mail?.close(),
      ...[...tasks.values()].map((task) => task.close()),
    ]);
    await journal.close();
    await log.close();
    throw error;
  }
}
