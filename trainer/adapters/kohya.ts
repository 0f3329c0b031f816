import { join, resolve } from 'node:path';
import { escapeGlob } from '../checkpoints/index.js';
import type { Flags } from './flags.js';
import { finishing, resumeOf, stateName, statePath, weightsName } from './kohya-resume.js';
import { numberOption } from './own-keys.js';
import { kohyaLines } from './progress-lines.js';
import type { JobInput, PlanContext, TrainerPlan } from './types.js';

/** What is known of a training by one of kohya's programs. */
export interface KohyaRun {
  readonly argv: readonly string[];
  readonly flags: Flags;
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** musubi-tuner restores no step on a resume: it counts, and names its files, from 0 again. */
  readonly restarts: boolean;
}

/** What sd-scripts and musubi-tuner do where no length is given. */
const DEFAULT_STEPS = 1600;

/**
 * The plan of a program of kohya's. Its own resume counts from 0 again in each process, so that the
 * names of its epochs (which are absolute) say where a run goes on, and steps are made of them.
 * State flags are added where there are none.
 */
export function kohyaPlan(job: JobInput, context: PlanContext, run: KohyaRun): TrainerPlan {
  const { flags, cwd, restarts } = run;
  const now = (context.now ?? Date.now)();
  const dir = resolve(cwd, flags.text('output_dir') ?? join(context.outputs, job.name));
  const name = flags.text('output_name') ?? job.name;
  const max_epochs = positive(flags, 'max_train_epochs');
  const max_steps =
    max_epochs === null ? (positive(flags, 'max_train_steps') ?? DEFAULT_STEPS) : null;
  const accumulation = positive(flags, 'gradient_accumulation_steps') ?? 1;
  // With accumulation a resume within an epoch skips too much (sd-scripts issue 2407).
  const bySteps = !restarts && accumulation === 1 && positive(flags, 'save_every_n_steps') !== null;
  const ending = flags.text('save_model_as') ?? 'safetensors';
  const stem = join(dir, name);
  const final = `${stem}.${ending}`;
  const salvageable = ending === 'safetensors';
  const { remedies } = job;
  const count = {
    stem,
    batches_per_epoch: numberOption(job, 'batches_per_epoch'),
    accumulation,
    max_epochs,
    max_steps,
    state_tells: !restarts,
  };
  return {
    trainer: job.trainer,
    argv: [...run.argv, ...missing(job, flags, dir, name)],
    cwd,
    env: run.env,
    heartbeat: job.heartbeat,
    log: kohyaLines(restarts ? `resume training from local state: ${statePath(name)}` : null),
    checkpoints: {
      glob: `${escapeGlob(stem)}*-state`,
      step: stateName(name, { restarts, bySteps, salvageable }),
      count,
      // The last file of a save, by which its other files are asked for too.
      needs: [...(restarts ? [] : ['train_state.json']), 'random_states_0.pkl'],
      ...(job.with['fresh'] === true ? { since: now } : {}),
    },
    ...(salvageable
      ? {
          weights: {
            glob: `${escapeGlob(stem)}*.safetensors`,
            step: weightsName(name, { restarts, bySteps }),
            count,
          },
        }
      : {}),
    resume: {
      ...resumeOf(name, stem, final, { restarts, bySteps, max_epochs }),
      ...(salvageable ? { finished: finishing(context, stem, final) } : {}),
    },
    remedies: {
      oom: remedies.oom,
      // One and not none: persistent workers, which FluxGym asks for, need at least one.
      host_oom:
        remedies.host_oom.length > 0
          ? remedies.host_oom
          : [{ args: ['--max_data_loader_n_workers', '1'], env: {} }],
      nan: remedies.nan ?? { args: ['--seed', '{seed}'], env: {} },
    },
    done: { step: null, artefact: final, since: now, total: true },
  };
}

/** The flags without which a training cannot be taken up again. */
function missing(job: JobInput, flags: Flags, dir: string, name: string): string[] {
  const wanted = numberOption(job, 'save_every_n_epochs');
  const every = wanted ?? (positive(flags, 'save_every_n_epochs') === null ? 1 : null);
  const steps = positive(flags, 'save_every_n_steps');
  const keepSteps = steps !== null && positive(flags, 'save_last_n_steps_state') === null;
  const keep = positive(flags, 'save_last_n_epochs_state') === null;
  return [
    ...(flags.text('output_dir') === null ? ['--output_dir', dir] : []),
    ...(flags.text('output_name') === null ? ['--output_name', name] : []),
    ...(flags.has('save_state') ? [] : ['--save_state']),
    ...(every === null ? [] : ['--save_every_n_epochs', String(every)]),
    ...(keep ? ['--save_last_n_epochs_state', '2'] : []),
    // Counts steps, not states: as many as lie between two states keep two.
    ...(keepSteps ? ['--save_last_n_steps_state', String(steps)] : []),
  ];
}

function positive(flags: Flags, name: string): number | null {
  const value = flags.number(name);
  return value !== null && value > 0 ? value : null;
}
