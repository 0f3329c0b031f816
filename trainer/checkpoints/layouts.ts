import type { BadVerdict, FileStat } from './types.js';

/** Files that a known trainer's checkpoint folder must hold. */
interface Layout {
  name: string;
  /** Told by the folder's name together with a file that only this trainer writes there. */
  matches(folder: string, names: readonly string[]): boolean;
  required: { example: string; pattern: RegExp }[];
  /** Written last in a save: must not be older than the file written first. */
  order?: { first: string; last: string };
}

/** accelerate's `save_state`, in write order; a deepspeed run keeps its optimizer in a folder. */
const ACCELERATE = [
  {
    example: 'optimizer.bin',
    pattern: /^(optimizer[^/]*\.(bin|safetensors|pt)|pytorch_model\/.+)$/,
  },
  { example: 'scheduler.bin', pattern: /^scheduler[^/]*\.bin$/ },
  { example: 'random_states_0.pkl', pattern: /^random_states_0\.pkl$/ },
];
const ACCELERATE_FILE = /^(optimizer|scheduler)[^/]*\.bin$|^random_states_\d+\.pkl$/;

/**
 * The layouts we know. A folder that matches none is judged by its files alone: the other
 * trainers' contents vary too much with their settings to demand any one file.
 */
const LAYOUTS: Layout[] = [
  {
    // sd-scripts writes train_state.json in the save pre-hook, so its presence proves nothing;
    // random_states_0.pkl comes last. Versions before 2024 have no train_state.json.
    name: 'kohya state',
    matches: (folder, names) =>
      folder.endsWith('-state') &&
      names.some((n) => n === 'train_state.json' || ACCELERATE_FILE.test(n)),
    required: [
      { example: 'model.safetensors', pattern: /^(model|pytorch_model)[^/]*\.(safetensors|bin)$/ },
      ...ACCELERATE,
    ],
    order: { first: 'train_state.json', last: 'random_states_0.pkl' },
  },
  {
    // training_state.json holds the step and what was seen of the dataset.
    name: 'SimpleTuner checkpoint',
    matches: (folder, names) =>
      /^checkpoint-\d+$/.test(folder) && names.some((n) => /^training_state[^/]*\.json$/.test(n)),
    required: [
      {
        example: 'pytorch_lora_weights.safetensors',
        pattern: /(^|\/)(pytorch_lora_weights|[^/]*model)[^/]*\.(safetensors|bin)$/,
      },
      { example: 'training_state.json', pattern: /^training_state\.json$/ },
    ],
  },
  {
    name: 'diffusers checkpoint',
    matches: (folder, names) =>
      /^checkpoint-\d+$/.test(folder) &&
      names.some((n) => ACCELERATE_FILE.test(n) || n === 'pytorch_lora_weights.safetensors'),
    required: [
      {
        example: 'pytorch_lora_weights.safetensors',
        // A full fine-tuning keeps its weights in a folder for each model.
        pattern: /(^|\/)(pytorch_lora_weights|[^/]*model)[^/]*\.(safetensors|bin)$/,
      },
      ...ACCELERATE,
    ],
  },
  {
    // A backup without meta.json loads its weights but silently starts at step 0.
    name: 'OneTrainer backup',
    matches: (folder) => /-backup-\d+-\d+-\d+$/.test(folder),
    required: [{ example: 'meta.json', pattern: /^meta\.json$/ }],
  },
  {
    name: 'reference trainer',
    matches: (folder, names) =>
      /^step-\d+$/.test(folder) && REFERENCE.filter((n) => names.includes(n)).length >= 2,
    get required() {
      return REFERENCE.map((example) => ({ example, pattern: new RegExp(`^${example}$`) }));
    },
  },
];
const REFERENCE = ['lora.safetensors', 'optimizer.safetensors', 'train_state.json'];

/** Copies keep the order of files, but not always to the second; some volumes store 2 s steps. */
const ORDER_SLACK_NS = 2_000_000_000n;

/**
 * What a checkpoint folder lacks, before any file is opened.
 *
 * @param folder base name of the folder
 * @param needs files asked for besides those of the layout
 * @returns the first missing file, null when none is
 */
export function checkLayout(
  folder: string,
  files: readonly FileStat[],
  needs: readonly string[] = [],
): BadVerdict | null {
  const names = files.map((f) => f.name);
  const lacking = needs.find((name) => !names.includes(name));
  if (lacking !== undefined)
    return missing(lacking, `${lacking} is missing: its trainer writes one in each checkpoint`);
  const layout = layoutOf(folder, names);
  const absent = layout?.required.find(({ pattern }) => !names.some((n) => pattern.test(n)));
  if (layout !== undefined && absent !== undefined) {
    return missing(absent.example, `${absent.example} is missing: a ${layout.name} needs it`);
  }
  return checkShards(names);
}

/**
 * A folder written over (the same name in a second attempt) and torn holds new files beside old
 * ones, each whole in itself. The file written last then is older than the one written first.
 * Asked after the files were looked at: a torn file says more.
 */
export function checkOrder(folder: string, files: readonly FileStat[]): BadVerdict | null {
  const order = layoutOf(
    folder,
    files.map((f) => f.name),
  )?.order;
  const first = files.find((f) => f.name === order?.first);
  const last = files.find((f) => f.name === order?.last);
  if (first === undefined || last === undefined) return null;
  if (BigInt(last.mtime_ns) + ORDER_SLACK_NS >= BigInt(first.mtime_ns)) return null;
  return missing(
    last.name,
    `${last.name} is older than ${first.name}: it is left over from an earlier save, and this one never ended`,
  );
}

function layoutOf(folder: string, names: readonly string[]): Layout | undefined {
  return LAYOUTS.find((l) => l.matches(folder, names));
}

/** `model-00001-of-00003.safetensors` promises two more. */
function checkShards(names: readonly string[]): BadVerdict | null {
  for (const name of names) {
    const shard = /^(.*-)(\d{5})-of-(\d{5})(\.[^/]+)$/.exec(name);
    if (shard === null) continue;
    const [, stem = '', , total = '', ending = ''] = shard;
    for (let n = 1; n <= Number(total); n += 1) {
      const expected = `${stem}${String(n).padStart(5, '0')}-of-${total}${ending}`;
      if (!names.includes(expected))
        return missing(expected, `${expected} is missing: ${name} is there`);
    }
  }
  return null;
}

function missing(file: string, reason: string): BadVerdict {
  return { ok: false, kind: 'missing', file, reason };
}
