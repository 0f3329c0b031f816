import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Every metric there is; docs/metrics.md says the same, and a test holds the two together. */
export function declareMetrics(registry: Registry) {
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge<L>({ name: PREFIX + name, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name: PREFIX + name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram<'job'>({ name: PREFIX + name, help, labelNames: ['job'], buckets, registers });

  return {
    daemon: {
      up: gauge('up', "1 while the daemon's loop turns, 0 once its last turn is 5 s old."),
      buildInfo: gauge('build_info', 'Always 1; the labels say what runs.', 'version', 'node'),
      starts: counter('daemon_starts_total', 'Starts of the daemon on this home.'),
      loopAge: gauge('loop_age_seconds', "Age of the last turn of the daemon's loop."),
      journalDegraded: gauge('journal_degraded', '1 while the disk refuses the journal.'),
      journalPending: gauge('journal_pending_events', 'Events that wait for the disk.'),
      hostBad: gauge('host_bad', '1 once this machine was found bad: nothing is started on it.'),
    },
    job: {
      state: gauge('job_state', '1 for the state the job is in, 0 for the others.', 'job', 'state'),
      step: gauge('step', 'Latest step of the job.', 'job'),
      targetSteps: gauge('target_steps', 'Step at which the job is done.', 'job'),
      lastStep: gauge('last_step_timestamp_seconds', 'Unix time of the last new step.', 'job'),
      eta: gauge('eta_seconds', 'Steps left times the median step time of the job.', 'job'),
      loss: gauge('loss', 'Latest loss the trainer reported.', 'job'),
      phase: gauge('phase', PHASE_HELP, 'job', 'phase'),
      attempts: counter(
        'attempts_total',
        'Attempts started, by what each came after.',
        'job',
        'cause',
      ),
      hangs: counter('hangs_total', 'Hangs confirmed.', 'job'),
      recoveries: counter('recoveries_total', 'Failures after which the job stepped again.', 'job'),
      continued: counter('trainer_continued_total', CONTINUED_HELP, 'job'),
      lostSteps: counter('lost_steps_total', 'Steps that had to be made again.', 'job'),
      useful: counter('useful_seconds_total', USEFUL_HELP, 'job'),
      ettr: gauge('ettr_ratio', ETTR_HELP, 'job', 'window'),
      suspicions: counter('suspicions_total', 'Times progress was overdue.', 'job'),
      selfResolved: counter('suspicions_self_resolved_total', SELF_RESOLVED_HELP, 'job'),
      checkpointStep: gauge('checkpoint_last_step', 'Step of the newest good checkpoint.', 'job'),
      checkpointTime: gauge('checkpoint_last_timestamp_seconds', VERIFIED_HELP, 'job'),
      checkpointBytes: gauge('checkpoint_bytes', 'Size of the newest good checkpoint.', 'job'),
      quarantined: counter('checkpoints_quarantined_total', 'Bad checkpoints set aside.', 'job'),
      taskState: gauge('task_state', TASK_STATE_HELP, 'job', 'task', 'state'),
      taskTries: gauge('task_tries', TASK_TRIES_HELP, 'job', 'task'),
    },
    durations: {
      step: histogram('step_duration_seconds', 'Time a step took, to 5 %.', STEP_BUCKETS),
      hang: histogram('hang_detection_seconds', HANG_HELP, OUTAGE_BUCKETS),
      recovery: histogram('recovery_seconds', RECOVERY_HELP, OUTAGE_BUCKETS),
    },
    gpu: {
      info: gauge('gpu_info', 'Always 1; the labels say which GPU.', 'uuid', 'name', 'driver'),
      utilization: gauge('gpu_utilization_ratio', 'Time a kernel ran on the GPU.', 'uuid'),
      used: gauge('gpu_memory_used_bytes', 'VRAM in use.', 'uuid'),
      total: gauge('gpu_memory_total_bytes', 'VRAM of the GPU.', 'uuid'),
      temperature: gauge('gpu_temperature_celsius', 'Temperature of the GPU.', 'uuid'),
      power: gauge('gpu_power_draw_watts', 'Power drawn by the GPU.', 'uuid'),
      limit: gauge('gpu_power_limit_watts', 'Power limit in force.', 'uuid'),
    },
    other: {
      xids: counter('gpu_xid_errors_total', 'Xid errors of the driver.', 'uuid', 'xid'),
      downloaded: counter('download_bytes_total', 'Bytes downloaded of a model.', 'model'),
      downloadSize: gauge('download_size_bytes', 'Size of the model to download.', 'model'),
      notified: counter('notifications_total', 'Messages by outcome.', 'channel', 'outcome'),
      unsent: gauge('outbox_messages', 'Messages that wait to be sent.'),
      diskFree: gauge('disk_free_bytes', 'Bytes an unprivileged process can still use.', 'path'),
      failures: counter('scrape_errors_total', 'Parts of a scrape that failed.', 'part'),
    },
    process: {
      memory: new Gauge({ name: 'process_resident_memory_bytes', help: MEMORY_HELP, registers }),
      cpu: new Counter({ name: 'process_cpu_seconds_total', help: CPU_HELP, registers }),
      start: new Gauge({ name: 'process_start_time_seconds', help: START_HELP, registers }),
    },
  };
}

export type Catalogue = ReturnType<typeof declareMetrics>;

export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** What a registry holds, in the order of declaration. */
export function describeMetrics(registry: Registry): MetricDescription[] {
  return registry.getMetricsAsArray().map((metric) => {
    // prom-client's types leave the label names out of what a registry hands back.
    const { labelNames } = metric as unknown as { labelNames: string[] };
    return {
      name: metric.name,
      type: String(metric.type),
      labels: [...labelNames],
      help: metric.help,
    };
  });
}

const PREFIX = 'nightwarden_';
const PHASE_HELP =
  '1 for the phase the trainer is in, 0 for the others; `other` is one of its own naming.';
const TASK_STATE_HELP = '1 for the state a follow-up of the job is in, 0 for the others.';
const TASK_TRIES_HELP = 'Tries of a follow-up since it was last asked for.';
const CONTINUED_HELP = 'Times a trainer stopped by a signal was continued.';
const USEFUL_HELP = 'Time that moved the job beyond its highest step.';
const ETTR_HELP =
  'Effective training time: useful seconds over wall clock since the first attempt.';
const SELF_RESOLVED_HELP = 'Suspicions that progress ended: alarms that would have been false.';
const VERIFIED_HELP = 'Unix time at which the newest good checkpoint was verified.';
const HANG_HELP = 'Silence from the last progress to the verdict of a hang.';
const RECOVERY_HELP = 'Time from a failure to the first step after it.';
const MEMORY_HELP = 'Resident memory of the daemon.';
const CPU_HELP = 'CPU time of the daemon, user and system.';
const START_HELP = 'Unix time at which the process of the daemon started.';

/** LoRA steps take from tens of milliseconds (toys, CPU) to about a minute (video, accumulation). */
const STEP_BUCKETS = [0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 60, 180];
const OUTAGE_BUCKETS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 2700];
