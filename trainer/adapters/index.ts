import { aiToolkit } from './ai-toolkit.js';
import { command } from './command.js';
import { diffusers } from './diffusers.js';
import { AdapterError } from './errors.js';
import { fluxgym } from './fluxgym.js';
import { kohyaSs } from './kohya-ss.js';
import { oneTrainer } from './onetrainer.js';
import { reference } from './reference.js';
import { musubiTuner, sdScripts } from './sd-scripts.js';
import { simpleTuner } from './simpletuner.js';
import type { Adapter, JobInput, PlanContext, TrainerPlan } from './types.js';

export { AdapterError } from './errors.js';
export { knobsOf, resumeArgs, type Turned } from './resume.js';
export type {
  HeartbeatSource,
  JobInput,
  Knob,
  LogPatterns,
  Origin,
  PlanContext,
  Remedies,
  Resume,
  TrainerPlan,
} from './types.js';

const adapters: ReadonlyMap<string, Adapter> = new Map([
  ['command', command],
  ['sd-scripts', sdScripts],
  ['fluxgym', fluxgym],
  ['kohya-ss', kohyaSs],
  ['diffusers', diffusers],
  ['ai-toolkit', aiToolkit],
  ['onetrainer', oneTrainer],
  ['musubi-tuner', musubiTuner],
  ['simpletuner', simpleTuner],
  ['reference', reference],
]);

/** The trainers a job file may name. */
export const adapterNames: readonly string[] = [...adapters.keys()];

/** Fills in how a job's trainer is run. Throws an AdapterError that names the key to mend. */
export function planJob(job: JobInput, context: PlanContext): TrainerPlan {
  const adapter = adapters.get(job.trainer);
  if (adapter) return adapter(job, context);
  throw new AdapterError(
    'trainer',
    `one of ${adapterNames.join(', ')}, got ${JSON.stringify(job.trainer)}`,
    'trainer: command runs any program: give its words under command, and checkpoints and resume so that it can go on after a failure.',
  );
}
