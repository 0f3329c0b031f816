import { basename } from 'node:path';
import type { Entry } from './schema.js';

/** One model as it is to be on disk. */
export interface Model {
  readonly name: string;
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  readonly what:
    | { readonly is: 'files'; readonly files: readonly ModelFile[] }
    | {
        readonly is: 'snapshot';
        readonly include: readonly string[] | null;
        readonly exclude: readonly string[];
        /** The folder its files go to, `/` at its end. */
        readonly folder: string;
      };
  /** The owner says that the licence has to be accepted: a token is used at once. */
  readonly gated: boolean;
  /** Names of models that are of no use without this one, or this one without them. */
  readonly companions: readonly string[];
  /** The repository whose licence it carries; null where none was named. */
  readonly base: string | null;
  readonly license: string | null;
  readonly licenseName: string | null;
  readonly licenseLink: string | null;
}

export interface ModelFile {
  /** In its repository. */
  readonly path: string;
  /** On this disk: absolute, or relative to the folder of downloads. */
  readonly to: string;
  /** As written in models.yaml, where they are. */
  readonly sha256: string | null;
  readonly size: number | null;
}

/** FluxGym fetches these beside every base model; sd-scripts asks for the tokenizers when it starts. */
const BESIDE_A_BASE = ['flux-vae', 'flux-clip-l', 'flux-t5xxl', 'tokenizer-clip', 'tokenizer-t5'];

/** FluxGym's two own models lie in the folder itself; every other in one named after its repo. */
const FLAT: ReadonlySet<string> = new Set(['flux-dev', 'flux-schnell']);

export function modelOf(name: string, entry: Entry): Model {
  const isBase = entry.base !== undefined;
  return {
    name,
    repo: entry.repo,
    revision: entry.revision ?? 'main',
    what: whatOf(name, entry),
    gated: entry.gated ?? false,
    companions: entry.companions ?? (isBase ? BESIDE_A_BASE : []),
    base: entry.base ?? null,
    license: entry.license ?? null,
    licenseName: entry.license_name ?? null,
    licenseLink: entry.license_link ?? null,
  };
}

function whatOf(name: string, entry: Entry): Model['what'] {
  const folder = entry.to?.endsWith('/') ? entry.to : folderOf(name, entry);
  if (entry.file !== undefined) {
    // A single file lies flat in its folder, wherever in its repository it was.
    const to = entry.to !== undefined && entry.to !== folder ? entry.to : null;
    const { sha256 = null, size = null } = entry;
    return {
      is: 'files',
      files: [{ path: entry.file, to: to ?? folder + basename(entry.file), sha256, size }],
    };
  }
  if (entry.files !== undefined) {
    const files = entry.files.map((each): ModelFile => {
      const file = typeof each === 'string' ? { file: each } : each;
      const { sha256 = null, size = null } = file as Exclude<typeof each, string>;
      const to = typeof each === 'string' ? undefined : each.to;
      const at = to?.endsWith('/') ? to + basename(file.file) : (to ?? folder + file.file);
      return { path: file.file, to: at, sha256, size };
    });
    return { is: 'files', files };
  }
  const { include = null, exclude = [] } = entry.snapshot ?? {};
  return { is: 'snapshot', include, exclude, folder };
}

function folderOf(name: string, entry: Entry): string {
  if (FLAT.has(name)) return 'models/unet/';
  return entry.base === undefined ? `models/${name}/` : `models/unet/${entry.repo}/`;
}
