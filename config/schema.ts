import { z } from 'zod';
import { atLeast, bytes, key, leafNotes, oneOf, seconds, text, wholeNumber } from './leaves.js';
import { mailContradictions, mailSchema } from './mail-schema.js';
import { isMap, valueAt } from './path.js';
import type { Finding } from './phrase.js';

const MIB = 2 ** 20;

/** The phases with budgets of their own, and for each the first budget and the ceiling, seconds. */
const PHASE_BUDGETS = {
  startup: [600, 1800, 'the way from the start of the process to its first sign of life'],
  load: [1800, 7200, 'loading the base model'],
  cache: [14_400, 43_200, 'caching latents and text-encoder outputs'],
  first_step: [3600, 7200, 'the first step, compilation included'],
  step: [900, 3600, 'one training step'],
  checkpoint: [1800, 7200, 'saving a checkpoint'],
  sample: [1800, 7200, 'sampling images'],
  validate: [3600, 14_400, 'a validation pass'],
  finish: [1800, 7200, 'the way from the last step to the exit of the process'],
} as const;

type PhaseName = keyof typeof PHASE_BUDGETS;

function phaseBudgets(which: 0 | 1, doc: (what: string) => string) {
  const entries = Object.entries(PHASE_BUDGETS).map(([name, budget]) => [
    name,
    key(seconds(), budget[which], doc(budget[2])),
  ]);
  return z.strictObject(
    Object.fromEntries(entries) as Record<PhaseName, z.ZodDefault<z.ZodNumber>>,
  );
}

export const hangSchema = z.strictObject({
  floor_seconds: key(seconds(), 8, 'No progress for less than this is never a hang.'),
  defaults: phaseBudgets(
    0,
    (what) => `Seconds after which ${what} is suspected though busy, without a history.`,
  ).prefault({}),
  ceilings: phaseBudgets(
    1,
    (what) => `Longest time in seconds for ${what}, whatever the process seems to do.`,
  ).prefault({}),
  min_samples: key(wholeNumber(1), 1, 'Samples of a phase before its learned budget counts.'),
  factor: key(atLeast(1), 2.05, "The learned budget is this many times the phase's own p99."),
  idle_cpu: key(atLeast(0), 0.1, 'Below this many cores the process counts as idle.'),
  confirm_seconds: key(seconds(), 2, 'Outside evidence must agree for at least this long.'),
  idle_seconds: key(
    seconds(),
    21,
    'A process idle in every respect for this long hangs, in a phase without a history.',
  ),
  // Long enough for a hub that does not answer to run into the trainer's own timeouts.
  network_seconds: key(
    seconds(),
    120,
    'The same for phases in which trainers ask the network: startup, load, finish.',
  ),
  livelock_seconds: key(
    seconds(),
    900,
    'A busy process is left alone for at least this long, in a phase with a history.',
  ),
});

export const killSchema = z.strictObject({
  grace_seconds: key(seconds(), 10, 'From SIGTERM to SIGKILL.'),
  verify_seconds: key(seconds(), 20, 'How long a kill may take before the host counts as bad.'),
});

const limit = (fallback: number, cause: string) =>
  key(wholeNumber(0), fallback, `Attempts without a gained step: ${cause}.`);

const autoOrNot = z
  .union([z.literal('auto'), z.boolean()])
  .register(leafNotes, { type: 'auto | true | false', expects: 'auto, true or false' });

/** Every setting of config/nightwarden.yaml, with its default and its line in the table. */
export const configSchema = z.strictObject({
  http: z
    .strictObject({
      host: key(
        text('a host name or address'),
        '127.0.0.1',
        'Address to listen on; beyond loopback a token is asked for.',
      ),
      port: key(wholeNumber(0, 65_535), 9787, 'Port to listen on; 0 takes any free one.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: key(
        oneOf(['error', 'warn', 'info', 'debug']),
        'info',
        "Least severe entry in the daemon's log.",
      ),
      max_bytes: key(bytes(1024), 10 * MIB, "Size at which the daemon's log file is rotated."),
      files: key(wholeNumber(1, 1000), 5, 'Rotated daemon log files to keep.'),
      trainer_max_bytes: key(
        bytes(1024),
        256 * MIB,
        'Whole output kept of one attempt; beyond it the middle is dropped.',
      ),
    })
    .prefault({}),
  watch: z
    .strictObject({
      poll_seconds: key(seconds(0.01), 0.25, 'How often process, log and clocks are looked at.'),
      polling: key(autoOrNot, 'auto', 'Poll for heartbeats: inotify is blind on network volumes.'),
      backstop_seconds: key(
        seconds(0.1),
        5,
        'Slow poll that finds a heartbeat whose notice was lost.',
      ),
    })
    .prefault({}),
  hang: hangSchema.prefault({}),
  kill: killSchema.prefault({}),
  evidence: z
    .strictObject({
      limit_seconds: key(seconds(0.1), 10, 'Longest time spent saving evidence before a kill.'),
      keep: key(wholeNumber(1), 10, 'Sets of evidence to keep for a job, the newest.'),
      max_bytes: key(
        bytes(1024),
        256 * MIB,
        'Room for the evidence of a job; the last set is kept even if it takes more.',
      ),
    })
    .prefault({}),
  retry: z
    .strictObject({
      limits: z
        .strictObject({
          crash: limit(5, 'crashes'),
          hang: limit(5, 'hangs'),
          oom: limit(3, 'out of GPU memory'),
          host_oom: limit(3, 'out of host memory'),
          disk_full: limit(5, 'disk full'),
          nan: limit(2, 'NaN or exploding loss'),
          corrupt: limit(5, 'corrupt checkpoint'),
          exit_early: limit(2, 'exit 0 before the job was done'),
          network: key(
            wholeNumber(0),
            100,
            'Attempts that found no network before their first step; 100 take some 16 h.',
          ),
          unknown: limit(5, 'any other failure'),
        })
        .prefault({}),
      ceiling: key(wholeNumber(1), 20, 'Attempts of any cause since the last gained checkpoint.'),
      backoff: z
        .strictObject({
          first_seconds: key(seconds(), 1, 'Wait before the first retry without a gained step.'),
          factor: key(atLeast(1), 2, 'Each further wait is this many times the one before.'),
          max_seconds: key(seconds(), 60, 'Longest wait before a retry.'),
        })
        .prefault({}),
    })
    .prefault({}),
  checkpoints: z
    .strictObject({
      settle_seconds: key(seconds(), 1, 'A checkpoint unchanged for this long is looked at.'),
      scan_seconds: key(seconds(0.1), 2, 'How often checkpoints are looked for.'),
    })
    .prefault({}),
  scheduler: key(
    autoOrNot,
    'auto',
    'Runs as a job of Slurm (auto) or Kubernetes (true): ends when done, and trainers with it.',
  ),
  download: z
    .strictObject({
      folder: key(
        text('the path of a folder'),
        '.',
        'What the targets in models.yaml count from; relative to the home.',
      ),
      connections: key(
        wholeNumber(1, 64),
        24,
        'Connections of one download, all its files together.',
      ),
      bytes_per_second: key(
        bytes(0),
        0,
        'Highest rate of one download, all its files together; 0 for no limit.',
      ),
      stall_seconds: key(seconds(0.1), 20, 'A connection silent for this long is given up.'),
      patience_seconds: key(
        seconds(),
        3600,
        'A download is given up after this long without a new byte; a job then tries again for a day.',
      ),
    })
    .prefault({}),
  deliver: z
    .strictObject({
      by: key(
        oneOf(['copy', 'link']),
        'copy',
        'How a finished LoRA gets into a folder; link: a hard link where both are on one volume.',
      ),
    })
    .prefault({}),
  journal: z
    .strictObject({
      compact_bytes: key(
        bytes(4096),
        8 * MIB,
        'Size at which the journal is compacted into a snapshot.',
      ),
    })
    .prefault({}),
  mail: mailSchema.prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type HangConfig = Config['hang'];
export type KillConfig = Config['kill'];

/** Settings that contradict each other. `given` is what was written, without the defaults. */
export function contradictions(config: Config, given: unknown): Finding[] {
  const found = budgetsAboveCeilings(config.hang, valueAt(given, ['hang']));
  const { first_seconds: first, max_seconds: max } = config.retry.backoff;
  if (first > max) {
    const wrote = (name: string) => valueAt(given, ['retry', 'backoff', name]) !== undefined;
    found.push({
      path: ['retry', 'backoff', wrote('first_seconds') ? 'first_seconds' : 'max_seconds'],
      which: 'value',
      message: `the first wait (${first}) is longer than the longest (${max}). Set first_seconds and max_seconds so that they fit.`,
    });
  }
  return [...found, ...mailContradictions(config.mail, given)];
}

/**
 * Budgets that someone raised above the ceiling that cuts them: they believe in a patience they
 * would not get. A ceiling lowered below a default budget is fine, since cutting is its purpose.
 */
export function budgetsAboveCeilings(hang: HangConfig, given: unknown): Finding[] {
  const raised = valueAt(given, ['defaults']);
  if (!isMap(raised)) return [];
  return (Object.keys(PHASE_BUDGETS) as PhaseName[]).flatMap((phase): Finding[] => {
    const [budget, ceiling] = [hang.defaults[phase], hang.ceilings[phase]];
    if (raised[phase] === undefined || budget <= ceiling) return [];
    const message = `${budget} is above hang.ceilings.${phase} (${ceiling}), which would cut it. Raise that ceiling too, or lower this.`;
    return [{ path: ['hang', 'defaults', phase], which: 'value', message }];
  });
}
