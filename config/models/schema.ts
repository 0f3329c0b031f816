import { z } from 'zod';
import { flag, leafNotes, say, text, word } from '../leaves.js';
import { isMap, type Path } from '../path.js';
import type { Finding } from '../phrase.js';
import { parseBytes } from '../units.js';

const repo = z
  .string()
  .regex(/^[\w.-]+\/[\w.-]+$/)
  .register(leafNotes, { type: 'text', expects: "a repository such as 'me/my-model'" });

/** The path of a file in its repository: it becomes a path on this disk, so it must stay inside. */
const inside = z
  .string()
  .refine((path) => isInside(path) && !path.endsWith('/'))
  .register(leafNotes, {
    type: 'text',
    expects: "the path of a file in the repository such as 'unet/model.safetensors', without ..",
  });

const target = z
  .string()
  .refine((path) => isInside(path.replace(/^\/+/, '')))
  .register(leafNotes, {
    type: 'text',
    expects:
      "a path without .. such as 'models/unet/my.safetensors', or a folder with / at its end",
  });

const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .register(leafNotes, {
    type: 'text',
    // Of digits alone, or with one e among them, YAML would read it as a number.
    kind: 'word',
    expects: 'a SHA-256: 64 digits from 0 to 9 and a to f',
  });

const size = z
  .union([z.number(), z.string()])
  .refine((given) => parseBytes(given) !== null)
  .transform((given) => parseBytes(given) ?? 0)
  .register(leafNotes, { type: 'size', expects: 'the exact number of bytes' });

const fileEntry = z.strictObject({
  file: inside,
  to: target.optional(),
  sha256: sha256.optional(),
  size: size.optional(),
});

const files = z.array(z.union([inside, fileEntry])).min(1);

const patterns = z
  .array(text('a pattern such as *.json'))
  .register(leafNotes, { type: 'list', expects: 'a list of patterns such as [*.json]' });

const snapshot = z.strictObject({
  include: patterns.optional(),
  exclude: patterns.optional(),
});

/** One entry. The first six keys are FluxGym's own; the rest is ours, and may be left out. */
const entrySchema = z.strictObject({
  repo,
  file: inside.optional(),
  base: repo.optional(),
  license: text('the name of a licence').optional(),
  license_name: text('the name of a licence').optional(),
  license_link: text('the address of a licence').optional(),
  revision: word('a branch, a tag or a commit').min(1).optional(),
  files: files.optional(),
  snapshot: snapshot.optional(),
  to: target.optional(),
  sha256: sha256.optional(),
  size: size.optional(),
  gated: flag().optional(),
  companions: z
    .array(text('the name of another model'))
    .register(leafNotes, { type: 'list', expects: 'a list of names of other models' })
    .optional(),
});

const modelName = z.string().superRefine((name, ctx) => {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(name))
    say(ctx, 'expected a name of letters, digits, dots, dashes, underscores and slashes.');
});

export const modelsSchema = z.record(modelName, entrySchema);
export type Entry = z.output<typeof entrySchema>;

/** What is wrong with an entry as a whole. Looks at the text's data, as the job's own check does. */
export function modelContradictions(data: unknown): Finding[] {
  if (!isMap(data)) return [];
  return Object.entries(data).flatMap(([name, entry]) => (isMap(entry) ? faults(name, entry) : []));
}

function faults(name: string, entry: Record<string, unknown>): Finding[] {
  const found: Finding[] = [];
  const report = (path: Path, message: string) => found.push({ path, which: 'value', message });
  const ways = ['file', 'files', 'snapshot'].filter((way) => entry[way] !== undefined);
  if (ways.length === 0) {
    const message =
      'missing. Say what to fetch: file: one.safetensors, files: [a, b], or snapshot: {include: [*.json]}.';
    report([name, 'file'], message);
  }
  for (const extra of ways.slice(1)) {
    report([name, extra], `${ways[0]} stands here too. Keep one of the two.`);
  }
  for (const key of ['sha256', 'size']) {
    if (entry[key] === undefined || entry['file'] !== undefined) continue;
    report([name, key], `belongs to one file. Write it beside that file: {file: …, ${key}: …}.`);
  }
  const folder = entry['to'];
  const several = entry['file'] === undefined;
  if (several && typeof folder === 'string' && !folder.endsWith('/')) {
    report([name, 'to'], `expected a folder, since there are several files. Write ${folder}/.`);
  }
  return found;
}

function isInside(path: string): boolean {
  const parts = path.replace(/\/$/, '').split('/');
  return parts.every((part) => part !== '' && part !== '.' && part !== '..') && !/\0/.test(path);
}
