import { join, resolve } from 'node:path';
import { escapeGlob } from '../checkpoints/index.js';
import { AdapterError } from './errors.js';
import { flagsOf } from './flags.js';
import { refuseOwnKeys } from './own-keys.js';
import { diffusersLines } from './progress-lines.js';
import { pythonEnv, scriptIn, withLauncher } from './python.js';
import type { Adapter } from './types.js';

/** The example scripts of diffusers (`train_dreambooth_lora_flux.py` and its siblings). */
export const diffusers: Adapter = (job, context) => {
  refuseOwnKeys(job, ['command', 'heartbeat', 'remedies']);
  const command = job.command ?? [];
  const script = scriptIn(command);
  if (script === null) {
    throw new AdapterError(
      'command',
      `a command that runs a script of diffusers, got ${JSON.stringify(command[0] ?? 'none')}`,
      'Write for example command: [train_dreambooth_lora_flux.py, --instance_data_dir, images].',
    );
  }
  const flags = flagsOf(command.slice(script.at + 1));
  const limit = flags.number('checkpoints_total_limit');
  if (limit !== null && limit < 2) {
    throw new AdapterError(
      'command',
      `--checkpoints_total_limit of at least 2, got ${limit}`,
      'The old checkpoint is deleted before the new one is written: with 1 a crash in between leaves none.',
    );
  }
  const now = (context.now ?? Date.now)();
  const given = flags.text('output_dir');
  const out = given === null ? join(context.outputs, job.name) : resolve(job.cwd, given);
  const { remedies } = job;
  return {
    trainer: 'diffusers',
    argv: [
      ...withLauncher(command, script, job.cwd),
      ...(given === null ? ['--output_dir', out] : []),
    ],
    cwd: job.cwd,
    env: pythonEnv(job, context),
    heartbeat: job.heartbeat,
    log: diffusersLines,
    checkpoints: { glob: `${escapeGlob(out)}/checkpoint-*`, step: '(?:^|/)checkpoint-(\\d+)$' },
    // By its name and not as `latest`: a path is cut to its last part anyway.
    resume: { args: ['--resume_from_checkpoint', '{checkpoint_name}'] },
    remedies: {
      oom: remedies.oom,
      host_oom:
        remedies.host_oom.length > 0
          ? remedies.host_oom
          : [{ args: ['--dataloader_num_workers', '0'], env: {} }],
      nan: remedies.nan ?? { args: ['--seed', '{seed}'], env: {} },
    },
    done: {
      step: null,
      artefact: join(out, 'pytorch_lora_weights.safetensors'),
      since: now,
      total: true,
    },
  };
};
