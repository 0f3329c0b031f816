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
import { endUnderScheduler, endWhenTold, type Now } from './core/index.js';
import { createEngine, type Engine } from './engine/index.js';
import { type HttpServer, startHttp } from './http/index.js';
import { type Lock, processIdentity } from './journal/index.js';
import { journalToLog, openLog } from './log/index.js';
import type { Notifier } from './notify/index.js';
import {
  announce,
  askFollowUp,
  bringJob,
  createEdges,
  demoJob,
  downloadDoor,
  isScheduled,
  jobSpecOf,
  mailSetup,
  openDaemonJournal,
  policyOf,
  queueJob,
  startMail,
  type Teller,
  takeLock,
  version,
} from './startup/index.js';

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

/** What a mail server may take for the last mails of a daemon that is not followed by another, in ms. */
const LAST_MAILS_MS = 30_000;

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
  const opened = await openDaemonJournal(home.state, () => stamp, log);
  const { journal } = opened;

  let http: HttpServer | null = null;
  let mail: Notifier | null = null;
  const gpus = watchGpus({
    onReading: (readings) => http?.metrics.gpus(readings),
    onTrouble: (what) => log.warn(what),
  });
  const scheduled = isScheduled(config.scheduler, options.env);
  const tied = scheduled ? tether() : [];
  if (tied === null)
    log.warn(
      'setpriv (util-linux) is missing: should this daemon be killed, its trainer would outlive the job',
    );
  const edges = createEdges({
    home,
    config,
    env: options.env,
    engine: () => engine,
    gpuRatio: () => busiest(gpus.latest()),
    tether: tied ?? [],
    onBytes: (model, bytes) => http?.metrics.downloaded(model, bytes),
    onSize: (model, bytes) => http?.metrics.downloadSize(model, bytes),
    log,
  });
  const engine = createEngine({
    journal,
    state: opened.state,
    policy: policyOf(config),
    clock,
    stamp: (wall) => {
      stamp = wall;
    },
    execute: edges.execute,
    compactBytes: config.journal.compact_bytes,
    onError: (doing, error) => log.error(`${doing}: ${error.message}`, { stack: error.stack }),
  });
  engine.subscribe((entry) => {
    if (entry.type === 'job_queued') edges.forget(entry.job);
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
  let ending = false;
  const endIfDone = (): void => {
    const code = scheduled && ready ? endUnderScheduler(engine.state) : null;
    if (code === null || ending) return;
    ending = true;
    // The next daemon of this home, which would send what is left, may never be.
    void Promise.resolve(mail?.settled(LAST_MAILS_MS)).then(() => {
      ending = false;
      // Something more may have been asked for meanwhile.
      if (endUnderScheduler(engine.state) !== null)
        void stop(`nothing is left to do here (exit code ${code})`);
    });
  };
  const shutDown = async (reason: string): Promise<void> => {
    if (scheduled) exitCode = endWhenTold(engine.state);
    if (ticker !== null) clearInterval(ticker);
    gpus.close();
    await http?.close();
    await Promise.all([mail?.close(), edges.close(scheduled ? 'ends' : 'goes on')]);
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
        () => edges.downloads,
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
    await edges.adopted();
    mail = await startMail({
      setup,
      home: home.root,
      engine,
      clock: () => clock().wall,
      log,
    });
    ready = true;
    edges.keepEvidence();
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
    await Promise.all([mail?.close(), edges.close('goes on')]);
    await journal.close();
    await log.close();
    throw error;
  }
}
