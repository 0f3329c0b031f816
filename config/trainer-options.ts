import { z } from 'zod';
import { flag, text, wholeNumber } from './leaves.js';
import { nearestKeys } from './nearest.js';
import { isMap } from './path.js';
import { type Finding, findingsOf } from './phrase.js';

const kohya = {
  save_every_n_epochs: wholeNumber(1).optional(),
  batches_per_epoch: wholeNumber(1).optional(),
  fresh: flag().optional(),
};
const config = text("the path of the trainer's own configuration");

/** The options of each named trainer, under `with`. The embedded one checks its own. */
const OPTIONS: Readonly<Record<string, z.ZodObject>> = {
  'sd-scripts': z.strictObject(kohya),
  fluxgym: z.strictObject({
    lora: text('the name of a LoRA as given to FluxGym').optional(),
    script: text('the path of a train.sh').optional(),
    tokenizers: text('the path of a folder of tokenizers').optional(),
    ...kohya,
  }),
  'kohya-ss': z.strictObject({
    config: text('the path of a config_lora-….toml, or of the folder that holds it'),
    script: text('the name of a script in sd-scripts').optional(),
    ...kohya,
  }),
  diffusers: z.strictObject({}),
  'ai-toolkit': z.strictObject({ config }),
  onetrainer: z.strictObject({ config }),
  'musubi-tuner': z.strictObject(kohya),
  simpletuner: z.strictObject({ config: config.optional() }),
};

/** Trainers that are run by the words under `command`. */
const BY_COMMAND: ReadonlySet<string> = new Set([
  'command',
  'sd-scripts',
  'musubi-tuner',
  'diffusers',
]);

/** Whether a trainer is run by the job's own command. */
export const takesCommand = (trainer: string): boolean => BY_COMMAND.has(trainer);

/** What is wrong with the name of a trainer and with its options. */
export function trainerFaults(trainer: string, given: unknown): Finding[] {
  const names = ['command', ...Object.keys(OPTIONS), 'reference'];
  if (!names.includes(trainer)) {
    const near = nearestKeys(trainer, names)[0];
    const meant = near === undefined ? '' : ` Did you mean ${near}?`;
    const message = `expected one of ${names.join(', ')}, got ${JSON.stringify(trainer)}.${meant}`;
    return [{ path: ['trainer'], which: 'value', message }];
  }
  const schema = OPTIONS[trainer];
  if (schema === undefined) return [];
  const options = given ?? {};
  if (!isMap(options)) return []; // the schema of the whole says so
  // In a section of that name, so that messages name the keys as they are written.
  const section = z.strictObject({ with: schema });
  const result = section.safeParse({ with: options });
  if (result.success) return [];
  const found = findingsOf(section, { with: options }, result.error.issues);
  if (Object.keys(schema.shape).length > 0) return found;
  const message = `unknown key. trainer: ${trainer} has no options; its own stand in command.`;
  return found.map((finding) => ({ ...finding, message }));
}
