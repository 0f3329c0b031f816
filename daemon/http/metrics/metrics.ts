import { Registry } from 'prom-client';
import type { HttpOptions } from '../surface.js';
import { declareMetrics, describeMetrics, type MetricDescription } from './catalogue.js';
import { writeDaemon, writeProcess } from './daemon.js';
import { watchDisks } from './disk.js';
import { observe } from './durations.js';
import { type GpuReading, writeGpus } from './gpus.js';
import { writeJobs } from './jobs.js';
import { countMail, writeMail } from './mail.js';

/** What is reported from elsewhere, and what Prometheus reads. Nothing here ever throws: a metric
 * must not end a download. */
export interface Metrics {
  /** The exposition (text format 0.0.4) as of now; scrapes at the same time share one. */
  text(): Promise<string>;
  readonly contentType: string;
  describe(): readonly MetricDescription[];
  /** More bytes of a model have arrived. */
  downloaded(model: string, bytes: number): void;
  downloadSize(model: string, bytes: number): void;
  /** A message was sent, was refused, was put off…: outcomes as the notifier names them. */
  notified(channel: string, outcome: string): void;
  /** All GPUs there are; replaces the last reading. */
  gpus(readings: readonly GpuReading[]): void;
  xid(uuid: string, xid: number): void;
}

export interface RunningMetrics extends Metrics {
  stop(): void;
}

export type MetricsOptions = Pick<
  HttpOptions,
  'engine' | 'version' | 'logger' | 'loop' | 'wall' | 'diskPaths'
>;

/**
 * The registry, fed by the engine. A scrape reads the fold in one go, so that its samples agree with
 * each other; it waits for nothing, since one slow or failing collector would fail it all.
 */
export function startMetrics(options: MetricsOptions): RunningMetrics {
  const { engine, logger, version } = options;
  const loop = options.loop ?? (() => performance.now());
  const wall = options.wall ?? (() => Date.now() / 1000);
  const registry = new Registry();
  const metrics = declareMetrics(registry);
  metrics.process.start.set(Math.round((wall() - process.uptime()) * 1000) / 1000);
  const told = new Set<string>();

  /** A part that fails costs its own samples, and one line of log. */
  const attempt = (part: string, write: () => void): void => {
    try {
      write();
    } catch (error) {
      metrics.other.failures.inc({ part });
      if (told.has(part)) return;
      told.add(part);
      logger.error('metrics are incomplete', { part, error });
    }
  };

  const unsubscribe = engine.subscribe((entry) => {
    attempt('durations', () => observe(metrics.durations, entry));
    attempt('mail', () => countMail(metrics.other.notified, entry));
  });
  const disks = watchDisks({
    paths: options.diskPaths ?? [],
    onReading: (path, free) => {
      if (free === null) metrics.other.diskFree.remove({ path });
      else metrics.other.diskFree.set({ path }, free);
    },
  });

  const scrape = async (): Promise<string> => {
    attempt('daemon', () => writeDaemon(metrics.daemon, engine, version, loop()));
    attempt('jobs', () => writeJobs(metrics.job, engine.state, wall()));
    attempt('mail', () => writeMail(metrics.other, engine.state));
    attempt('process', () => writeProcess(metrics.process));
    return registry.metrics();
  };
  let underway: Promise<string> | null = null;

  return {
    contentType: registry.contentType,
    text() {
      underway ??= scrape().finally(() => {
        underway = null;
      });
      return underway;
    },
    describe: () => describeMetrics(registry),
    downloaded(model, bytes) {
      if (bytes >= 0) attempt('download', () => metrics.other.downloaded.inc({ model }, bytes));
    },
    downloadSize(model, bytes) {
      attempt('download', () => metrics.other.downloadSize.set({ model }, bytes));
    },
    notified(channel, outcome) {
      attempt('notify', () => metrics.other.notified.inc({ channel, outcome }));
    },
    gpus: (readings) => attempt('gpu', () => writeGpus(metrics.gpu, readings)),
    xid: (uuid, xid) => attempt('gpu', () => metrics.other.xids.inc({ uuid, xid: String(xid) })),
    stop() {
      unsubscribe();
      disks.stop();
    },
  };
}
