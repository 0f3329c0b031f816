import { hostname } from 'node:os';
import {
  type Config,
  homePaths,
  hubTokens,
  keepEnvironmentSecrets,
  loadConfig,
} from '../config/index.js';
import { busiest, watchGpus } from '../healthchecks/index.js';
import { bootId } from '../trainer/process/index.js';
import type { Engine } from './engine/index.js';
import { type HttpServer, startHttp } from './http/index.js';
import type { Lock } from './journal/index.js';
import { openLog } from './log/index.js';
import {
  abandon,
  announceAt,
  type Begun,
  beginEngine,
  bringFirst,
  clock,
  createEdges,
  endWhenDone,
  isScheduled,
  lifeOf,
  mailSetup,
  openStamped,
  served,
  startMail,
  takeLock,
  tetherOf,
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

type Home = { root: string } & ReturnType<typeof homePaths>;

async function start(
  options: DaemonOptions,
  config: Config,
  home: Home,
  lock: Lock,
): Promise<DaemonHandle> {
  const { env } = options;
  const setup = mailSetup(config, home.root);
  const log = openLog({
    dir: home.logs,
    level: config.log.level,
    maxBytes: config.log.max_bytes,
    files: config.log.files,
    foreground: options.foreground ?? false,
  });
  keepEnvironmentSecrets(env);
  for (const warning of hubTokens(env, options.home).warnings) log.warn(warning);
  const opened = await openStamped(home.state, log);

  let http: HttpServer | null = null;
  const gpus = watchGpus({
    onReading: (readings) => http?.metrics.gpus(readings),
    onTrouble: (what) => log.warn(what),
  });
  const scheduled = isScheduled(config.scheduler, env);
  const edges = createEdges({
    home,
    config,
    env,
    engine: () => engine,
    gpuRatio: () => busiest(gpus.latest()),
    tether: scheduled ? tetherOf(log) : [],
    onBytes: (model, bytes) => http?.metrics.downloaded(model, bytes),
    onSize: (model, bytes) => http?.metrics.downloadSize(model, bytes),
    log,
  });
  const engine = beginEngine(opened, config, log, edges.execute);
  const begun: Begun = {
    ...{ engine, edges, gpus, journal: opened.journal, log },
    ...{ http: null, mail: null, teller: null, ticker: null },
  };

  let ready = false;
  const life = lifeOf(begun, scheduled, lock);
  const endIfDone = endWhenDone({
    state: () => engine.state,
    settled: (within_ms) => begun.mail?.settled(within_ms),
    stop: (reason) => void life.stop(reason),
  });
  engine.subscribe((entry) => {
    if (entry.type === 'job_queued') edges.forget(entry.job);
    if (scheduled && ready) endIfDone();
  });

  try {
    http = await startHttp({
      ...served({ engine, edges, home, config, env, log }),
      ready: () => ready,
      shutdown: (reason) => void life.stop(reason),
    });
    begun.http = http;
    begun.teller = announceAt(http, home.state, clock().wall, log);
    const { pid } = process;
    await engine.observe({ is: 'daemon_up', pid, version: version(), boot_id: bootId() });
    // The daemon's own loop goes on while it looks for trainers, which may take a while.
    begun.ticker = setInterval(
      () => void engine.observe({ is: 'tick' }),
      config.watch.poll_seconds * 1000,
    );
    await edges.adopted();
    begun.mail = await startMail({
      setup,
      home: home.root,
      engine,
      clock: () => clock().wall,
      log,
    });
    ready = true;
    edges.keepEvidence();
    const { url, port } = http;
    log.info(`nightwarden ${version()} watches over ${home.root}`, { url, host: hostname(), pid });
    await bringFirst({ engine, home, config, env }, options);
    // What an earlier daemon of the same job has done is done.
    if (scheduled) endIfDone();
    return { port, url, engine, ...life };
  } catch (error) {
    await abandon(begun);
    throw error;
  }
}
