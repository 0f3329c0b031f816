import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { ignoreAbsent } from './absent.js';

export interface ExtraFolder {
  readonly path: string;
  /** ComfyUI saves there and looks there first (`is_default: true`). */
  readonly isDefault: boolean;
}

/**
 * The folders under `loras` in a ComfyUI extra_model_paths.yaml, read as ComfyUI reads it
 * (utils/extra_config.py): each section may have a `base_path`, relative to the file, in which `~`
 * and variables are expanded; each kind of model is a text with a folder a line. A file that is not
 * YAML is warned of and counts as empty.
 */
export async function extraLoraFolders(
  file: string,
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void,
): Promise<ExtraFolder[]> {
  const text = await readFile(file, 'utf8').catch(ignoreAbsent);
  if (text === null) return [];
  try {
    const sections: unknown = parse(text);
    return Object.values(isMap(sections) ? sections : {}).flatMap((section) =>
      isMap(section) ? foldersOf(section, dirname(file), env) : [],
    );
  } catch (error) {
    warn(`${file} is not read: ${(error as Error).message.split('\n')[0]}`);
    return [];
  }
}

function foldersOf(
  section: Record<string, unknown>,
  beside: string,
  env: NodeJS.ProcessEnv,
): ExtraFolder[] {
  const { base_path: given, is_default, loras } = section;
  const written = typeof given === 'string' ? expanded(given, env) : null;
  const base = written === null || isAbsolute(written) ? written : join(beside, written);
  const lines = (Array.isArray(loras) ? loras : [loras])
    .filter((part) => typeof part === 'string')
    .flatMap((part) => part.split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.map((line) => ({
    path: isAbsolute(line) ? line : join(base ?? beside, line),
    isDefault: is_default === true,
  }));
}

/** As os.path.expandvars and expanduser do: an unknown variable stays as it is written. */
function expanded(path: string, env: NodeJS.ProcessEnv): string {
  const home = env['HOME'];
  const spelled = path.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced?: string, plain?: string) => env[braced ?? plain ?? ''] ?? whole,
  );
  return home && /^~(\/|$)/.test(spelled) ? home + spelled.slice(1) : spelled;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
