import { join, resolve } from 'node:path';
import { escapePath } from 'tinyglobby';
import { referenceEntry, referenceImages } from '../reference/index.js';
import { AdapterError } from './errors.js';
import { readReferenceOptions } from './reference-options.js';
import type { Adapter, JobInput } from './types.js';

/** The embedded trainer: a small LoRA on the CPU, without Python and without a GPU. */
export const reference: Adapter = (job, context) => {
  refuseWhatItKnows(job);
  const { steps, numbers, data, faults } = readReferenceOptions(job.with);
  const out = join(context.outputs, job.name);
  const entry = (context.referenceEntry ?? referenceEntry)();
  const images = data ? resolve(job.cwd, data) : (context.referenceImages ?? referenceImages)();
  return {
    trainer: 'reference',
    argv: [
      process.execPath,
      entry,
      ...['--data', images, '--out', out, '--name', job.name],
      ...numbers.flatMap(([flag, value]) => [flag, String(value)]),
      ...faults.flatMap((fault) => ['--fault', fault]),
    ],
    cwd: job.cwd,
    env: { ...job.env },
    heartbeat: 'file',
    log: { step: null, total: null, epoch: null, loss: null },
    checkpoints: { glob: `${escapePath(out)}/checkpoints/step-*`, step: 'step-(\\d+)$' },
    resume: { args: ['--resume', '{checkpoint}'] },
    remedies: { oom: [], host_oom: [], nan: { args: ['--reseed', '{seed}'], env: {} } },
    done: { step: steps, artefact: join(out, `${job.name}.safetensors`) },
  };
};

/** A key that would be ignored is refused: the person who wrote it counts on it. */
function refuseWhatItKnows(job: JobInput): void {
  const given: Record<string, boolean> = {
    command: job.command !== null,
    heartbeat: job.heartbeat !== 'auto' && job.heartbeat !== 'file',
    log: Object.values(job.log).some((source) => source !== null),
    checkpoints: job.checkpoints !== null,
    resume: job.resume !== null,
    remedies:
      job.remedies.nan !== null || job.remedies.oom.length + job.remedies.host_oom.length > 0,
    done: job.done.step !== null || job.done.artefact !== null,
  };
  const extra = Object.keys(given).find((key) => given[key]);
  if (extra === undefined) return;
  throw new AdapterError(
    extra,
    'this key to be left out, since trainer: reference fills it in by itself',
    'Remove it, set options under with, or use trainer: command.',
  );
}
