import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import type { Origin } from './types.js';

/** The two that come with every base model, and where FluxGym takes them from. */
const ENCODERS: Readonly<Record<string, string>> = {
  'clip_l.safetensors': 'comfyanonymous/flux_text_encoders',
  't5xxl_fp16.safetensors': 'comfyanonymous/flux_text_encoders',
  'ae.sft': 'cocktailpeanut/xulf-dev',
};

interface Entry {
  readonly repo?: unknown;
  readonly base?: unknown;
  readonly file?: unknown;
  readonly license?: unknown;
  readonly license_name?: unknown;
  readonly license_link?: unknown;
}

/**
 * What a publication may use of FluxGym's folder: the base model's card by its models.yaml, and its
 * token file. Training needs neither, and the token is not read here.
 */
export function hubFacts(root: string, model: string | null): Origin {
  const entry = model === null ? null : entryFor(root, model);
  const token = join(root, 'HF_TOKEN');
  const text = (key: keyof Entry, as: keyof Origin): Origin =>
    typeof entry?.[key] === 'string' ? { [as]: entry[key] } : {};
  return {
    ...text('base', 'base_model'),
    ...text('license', 'license'),
    ...text('license_name', 'license_name'),
    ...text('license_link', 'license_link'),
    ...(existsSync(token) ? { token_file: token } : {}),
  };
}

/** Where a model that is not there comes from, and how to get it. */
export function missingModel(root: string, path: string): string {
  const repo = entryFor(root, path)?.repo ?? ENCODERS[basename(path)];
  const from = typeof repo === 'string' ? ` (from ${repo})` : '';
  return `FluxGym downloads it${from} when a training is started on its page; start it there once, or put the file there.`;
}

/** The entry of models.yaml for a file: by its name, and by its repository where that is in the path. */
function entryFor(root: string, path: string): Entry | null {
  const models = readModels(root).filter(({ file }) => file === basename(path));
  const exact = models.find(({ repo }) => typeof repo === 'string' && path.includes(`/${repo}/`));
  return exact ?? models[0] ?? null;
}

function readModels(root: string): Entry[] {
  try {
    const all: unknown = parse(readFileSync(join(root, 'models.yaml'), 'utf8'));
    const entries = typeof all === 'object' && all !== null ? Object.values(all) : [];
    return entries.filter((entry): entry is Entry => typeof entry === 'object' && entry !== null);
  } catch {
    // A card without its licence can be mended by hand; a training must not wait for it.
    return [];
  }
}
