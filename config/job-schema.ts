import { z } from 'zod';
import { RESERVED_VARIABLES } from './environment.js';
import { TOKEN_VARIABLES } from './hub-token.js';
import { flag, leafNotes, oneOf, say, text, wholeNumber, word } from './leaves.js';
import { hangOverride, killOverride } from './override.js';
import { isMap, type Path, valueAt } from './path.js';
import { pattern } from './pattern.js';
import type { Finding } from './phrase.js';
import { placeholderFault } from './placeholders.js';
import { takesCommand, trainerFaults } from './trainer-options.js';

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/)
  .register(leafNotes, {
    type: 'text',
    // It names folders and files: no slash, no leading dot, no leading dash.
    expects:
      'a name of lower-case letters, digits, dots, dashes and underscores that begins with a letter or digit',
  });

const command = z
  .array(word('a word of the command'))
  .min(1)
  .register(leafNotes, {
    type: 'list',
    expects: 'a list of at least one word',
    hint: (given) => (typeof given === 'string' ? asList(given) : null),
  });

const option = z
  .union([z.string(), z.number(), z.boolean()])
  .register(leafNotes, { type: 'value', expects: 'a text, a number, true or false' });

const options = z.record(
  z.string(),
  z.union([option, z.array(option)]).register(leafNotes, {
    type: 'value',
    expects: 'a text, a number, true, false or a list of these',
  }),
);

const argument = word('an argument').superRefine((given, ctx) => {
  const fault = placeholderFault(given);
  if (fault) say(ctx, fault);
});

const resumeArgs = z
  .array(argument)
  .min(1)
  .register(leafNotes, { type: 'list', expects: 'a list of at least one argument' });

const repo = z
  .string()
  .regex(/^[\w.-]+\/[\w.-]+$/)
  .register(leafNotes, { type: 'text', expects: "a repository such as 'me/my-lora'" });

const lora = z
  .string()
  .regex(/^(final|best|.*\.safetensors)$/)
  .register(leafNotes, {
    type: 'final | best | path',
    expects: 'final, best, or the path of a saved .safetensors file',
  });

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
  .register(leafNotes, { type: 'text', expects: 'the name of an environment variable' });

const knob = z.strictObject({
  args: z
    .array(word('an argument'))
    .register(leafNotes, { type: 'list', expects: 'a list of arguments' })
    .default([]),
  env: z.record(z.string(), word('the text of the variable')).default({}),
});

const knobs = z
  .array(knob)
  .register(leafNotes, { type: 'list', expects: 'a list of {args, env}' })
  .default([]);

/** A job file as it is written; `trainer/adapters` fills in what a named trainer leaves out. */
export const jobSchema = z.strictObject({
  name,
  trainer: text('the name of a trainer').default('command'),
  models: z.array(text('the name of a model in models.yaml')).default([]),
  command: command.optional(),
  cwd: text('the path of a folder').optional(),
  env: z.record(z.string(), word('the text of the variable')).default({}),
  secrets: z
    .array(variable)
    .register(leafNotes, { type: 'list', expects: 'a list of names such as [HF_TOKEN]' })
    .default([]),
  heartbeat: oneOf(['auto', 'file', 'shim', 'log']).default('auto'),
  log: z
    .strictObject({
      step: pattern(['step'], 'step (\\d+)/(\\d+)').optional(),
      total: pattern(['total'], 'of (\\d+) steps').optional(),
      epoch: pattern(['epoch'], 'epoch (\\d+)').optional(),
      loss: pattern(['loss'], 'loss=(\\S+)').optional(),
    })
    .prefault({}),
  checkpoints: z
    .strictObject({
      glob: text("a pattern of paths such as 'ckpt/step-*'"),
      step: pattern(['step', 'epoch'], 'step-(\\d+)'),
    })
    .optional(),
  resume: z.strictObject({ args: resumeArgs }).optional(),
  done: z
    .strictObject({
      step: wholeNumber(1).optional(),
      artefact: text('the path of the finished file').optional(),
    })
    .prefault({}),
  publish: z
    .strictObject({
      repo,
      private: flag().default(true),
      base_model: repo.optional(),
      instance_prompt: text('the words that call what was trained').optional(),
      license: text("the Hub's name of a licence such as apache-2.0").optional(),
      license_name: text('the name of a licence').optional(),
      license_link: text('the address of a licence').optional(),
      tags: z.array(text('a tag')).default([]),
      samples: text("a pattern of paths such as 'samples/*.png'").optional(),
      lora: lora.default('final'),
    })
    .optional(),
  deliver: z
    .array(text("the path of a folder, or 'auto' for those of the tools found here"))
    .register(leafNotes, {
      type: 'list',
      expects: 'a list of folders',
      hint: (given) => (typeof given === 'string' ? `Write it as a list: [${given}].` : null),
    })
    .default([]),
  remedies: z.strictObject({ oom: knobs, host_oom: knobs, nan: knob.optional() }).prefault({}),
  hang: hangOverride.optional(),
  kill: killOverride.optional(),
  with: options.default({}),
});

/**
 * What is wrong with a job as a whole. Looks at the text's data and not at the parsed job, so that
 * it speaks up in the same run as the mistakes of single keys.
 */
export function jobContradictions(data: unknown): Finding[] {
  if (!isMap(data)) return [];
  const trainer = typeof data['trainer'] === 'string' ? data['trainer'] : 'command';
  return [
    ...badVariables(data['env']),
    ...tokens(data),
    ...trainerFaults(trainer, data['with']),
    ...(trainer === 'command' ? commandFaults(data) : missingCommand(trainer, data)),
  ];
}

function badVariables(env: unknown): Finding[] {
  return Object.keys(isMap(env) ? env : {}).flatMap((name): Finding[] => {
    const path = ['env', name];
    if (RESERVED_VARIABLES.includes(name)) {
      const message = 'is set for each attempt by the daemon. Remove this line.';
      return [{ path, which: 'key', message }];
    }
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return [];
    const message =
      'expected the name of an environment variable: letters, digits and underscores.';
    return [{ path, which: 'key', message }];
  });
}

function missingCommand(trainer: string, data: Record<string, unknown>): Finding[] {
  if (!takesCommand(trainer) || data['command'] !== undefined) return [];
  const message = `missing. trainer: ${trainer} runs what stands here, the script and its options.`;
  return [{ path: ['command'], which: 'value', message }];
}

const TOKEN_MESSAGE =
  'a token has no place in a job file: the journal keeps a copy. Remove it (and make a new token if others may have seen it); secrets: [HF_TOKEN] gives the trainer the one that the daemon has.';

/** Every text that is a Hub token, and every variable whose name says so. */
function tokens(value: unknown, path: Path = []): Finding[] {
  const named = path[0] === 'env' && TOKEN_VARIABLES.includes(String(path[1] ?? ''));
  if (named || (typeof value === 'string' && /\bhf_[A-Za-z0-9]{16,}/.test(value)))
    return [{ path, which: 'value', message: TOKEN_MESSAGE }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    tokens(inner, [...path, Array.isArray(value) ? Number(name) : name]),
  );
}

function commandFaults(data: Record<string, unknown>): Finding[] {
  const found: Finding[] = [];
  const report = (path: Path, message: string) => found.push({ path, which: 'value', message });
  if (data['command'] === undefined) {
    report(['command'], 'missing. trainer: command runs what stands here: [python3, train.py].');
  }
  if (data['resume'] !== undefined && data['checkpoints'] === undefined) {
    report(['resume'], 'needs checkpoints (glob and step): else there is nothing to resume from.');
  }
  const args = valueAt(data, ['resume', 'args']);
  const step = valueAt(data, ['checkpoints', 'step']);
  const usesEpoch = Array.isArray(args) && args.some((arg) => String(arg).includes('{epoch}'));
  if (usesEpoch && typeof step === 'string' && !step.includes('(?<epoch>')) {
    const message =
      '{epoch} is read from the path of the checkpoint. Write the groups (?<epoch>…) and (?<step>…) in checkpoints.step.';
    report(['resume', 'args'], message);
  }
  return found;
}

/** How a command written as one string is written as a list. */
function asList(given: string): string {
  const shell = `Write it as a list: [sh, -c, '${given.replaceAll("'", "''")}']`;
  if (/["'$|&;<>()`*?\\#~]/.test(given)) return `${shell}.`;
  const words = given
    .trim()
    .split(/\s+/)
    .map((part) => {
      const plain = /^[A-Za-z0-9_./=-]*[A-Za-z_/][A-Za-z0-9_./=-]*$/.test(part);
      return plain ? part : `'${part}'`;
    });
  return `Write it as a list: [${words.join(', ')}], or for a shell [sh, -c, '…'].`;
}
