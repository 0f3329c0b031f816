import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { AdapterError } from './errors.js';
import { flagsOf } from './flags.js';
import { findLora } from './fluxgym-loras.js';
import { hubFacts, missingModel } from './fluxgym-models.js';
import { kohyaPlan } from './kohya.js';
import { refuseOwnKeys, textOption } from './own-keys.js';
import { pythonEnv, scriptIn, withLauncher } from './python.js';
import { ShellText, shellWords } from './shell-words.js';
import type { Adapter, JobInput, PlanContext } from './types.js';

/** Folders that sd-scripts makes of the names of the two tokenizers below `--tokenizer_cache_dir`. */
const TOKENIZERS = ['openai_clip-vit-large-patch14', 'google_t5-v1_1-xxl'];

/**
 * A training that FluxGym's page has prepared: the `train.sh` of one LoRA, run from FluxGym's own
 * folder (the job's `cwd`) with what it lacks to be taken up again. Nothing of FluxGym is changed. A
 * command in the job stands for that of a script (see the hook).
 */
export const fluxgym: Adapter = (job, context) => {
  refuseOwnKeys(job, ['command', 'heartbeat', 'remedies']);
  const root = job.cwd;
  const words = job.command ?? readScript(trainScript(job));
  const script = scriptIn(words);
  if (script === null) {
    throw new AdapterError(
      job.command === null ? 'with.script' : 'command',
      'a command that runs a Python script, got none',
      'Let FluxGym write train.sh again: press Start training once.',
    );
  }
  const own = words.slice(script.at + 1);
  refuseMissingModels(own, root);
  const tokenizers = tokenizerDir(job, context, flagsOf(own).has('tokenizer_cache_dir'));
  const more = tokenizers === null ? [] : ['--tokenizer_cache_dir', tokenizers];
  const env = pythonEnv(job, context);
  const plan = kohyaPlan(job, context, {
    argv: [...withLauncher(words, script, root), ...more],
    flags: flagsOf(own),
    cwd: root,
    // What FluxGym's page sets for the script.
    env: { PYTHONIOENCODING: 'utf-8', LOG_LEVEL: 'DEBUG', ...env },
    restarts: false,
  });
  return { ...plan, origin: hubFacts(root, flagsOf(own).text('pretrained_model_name_or_path')) };
};

function trainScript(job: JobInput): string {
  const given = textOption(job, 'script');
  if (given !== null) return resolve(job.cwd, given);
  return join(findLora(job.cwd, textOption(job, 'lora') ?? job.name), 'train.sh');
}

function readScript(path: string): string[] {
  try {
    return shellWords(readFileSync(path, 'utf8'));
  } catch (error) {
    const shell = error instanceof ShellText;
    throw new AdapterError(
      'with.script',
      shell ? `one plain command in ${path}` : `a readable script ${path}`,
      `${shell ? 'Found' : 'It cannot be read'}: ${(error as Error).message}.`,
    );
  }
}

/** FluxGym's page downloads what is missing before it starts a script; a script alone does not. */
function refuseMissingModels(words: readonly string[], root: string): void {
  const flags = flagsOf(words);
  for (const name of ['pretrained_model_name_or_path', 'clip_l', 't5xxl', 'ae']) {
    const path = flags.text(name);
    if (path === null || !/\.(safetensors|sft)$/.test(path)) continue;
    if (existsSync(resolve(root, path))) continue;
    throw new AdapterError(
      'with.lora',
      `the model ${relative(root, resolve(root, path))} that train.sh names to be there`,
      missingModel(root, path),
    );
  }
}

/** With the tokenizers at hand a restart at night does not depend on the network. */
function tokenizerDir(job: JobInput, context: PlanContext, told: boolean): string | null {
  const given = textOption(job, 'tokenizers');
  const places = [
    join(job.cwd, 'models', 'tokenizers'),
    join(context.home, 'models', 'tokenizers'),
  ];
  const holds = (dir: string): boolean => TOKENIZERS.every((name) => existsSync(join(dir, name)));
  if (given !== null) {
    const dir = isAbsolute(given) ? given : resolve(job.cwd, given);
    if (holds(dir)) return dir;
    const remedy = `Expected in it: ${TOKENIZERS.join(', ')}.`;
    throw new AdapterError('with.tokenizers', `a folder of tokenizers, got ${dir}`, remedy);
  }
  return told ? null : (places.find(holds) ?? null);
}
