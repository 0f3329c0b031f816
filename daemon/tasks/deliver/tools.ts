import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { ignoreAbsent } from './absent.js';
import { extraLoraFolders } from './extra-model-paths.js';

/** Folders in which people and pod templates install these tools, besides the home. */
const BASES = ['/workspace', '/workspace/runpod-slim', '/opt', '/app', '/'];
const COMFY = ['ComfyUI', 'comfyui', 'ComfyUI/ComfyUI'];
const WEBUI = [
  'stable-diffusion-webui',
  'stable-diffusion-webui-forge',
  'stable-diffusion-webui-reForge',
  'sd-webui-forge-neo',
  'automatic1111',
  'forge',
];

export interface FoundFolders {
  /** Each once, whatever links lead to it. */
  readonly folders: string[];
  /** Where the tools were looked for. */
  readonly looked: string[];
}

/**
 * Where the installed tools look for LoRAs: ComfyUI's models/loras, or the folder that its
 * extra_model_paths.yaml makes the default, and the models/Lora (or --lora-dir) of A1111 and Forge.
 */
export async function findLoraFolders(
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void,
  bases: readonly string[] = BASES,
): Promise<FoundFolders> {
  const home = env['HOME'];
  const looked = [...(home ? [home] : []), ...bases];
  const under = (names: readonly string[]) =>
    looked.flatMap((base) => names.map((name) => join(base, name)));
  const given = env['COMFYUI_PATH'];
  const wanted: string[] = [];
  for (const root of [...(given ? [given] : []), ...under(COMFY)])
    wanted.push(...(await ofComfy(root, env, warn)));
  for (const root of under(WEBUI)) wanted.push(...(await ofWebui(root)));
  const folders = new Set<string>();
  for (const folder of wanted) folders.add(await spelledOut(folder));
  return { folders: [...folders], looked };
}

/** One folder of an installation is enough: ComfyUI reads them all. */
async function ofComfy(
  root: string,
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void,
): Promise<string[]> {
  if (!(await isFile(join(root, 'folder_paths.py')))) return [];
  const extra = await extraLoraFolders(join(root, 'extra_model_paths.yaml'), env, warn);
  const wanted = [
    ...extra.filter(({ isDefault }) => isDefault).map(({ path }) => path),
    join(root, 'models/loras'),
    ...extra.filter(({ isDefault }) => !isDefault).map(({ path }) => path),
  ];
  for (const folder of wanted) if (await isFolder(folder)) return [folder];
  return [];
}

async function ofWebui(root: string): Promise<string[]> {
  if (!(await isFile(join(root, 'webui.py')))) return [];
  const given = await loraDir(root);
  if (given !== null && (await isFolder(given))) return [given];
  // A1111 makes the last part at its first start, so a fresh installation may lack it.
  return (await isFolder(join(root, 'models'))) ? [join(root, 'models/Lora')] : [];
}

/** `--lora-dir` among the COMMANDLINE_ARGS of webui-user.sh; null where it is not given. */
async function loraDir(root: string): Promise<string | null> {
  const text = await readFile(join(root, 'webui-user.sh'), 'utf8').catch(ignoreAbsent);
  for (const line of text?.split('\n') ?? []) {
    if (/^\s*#/.test(line)) continue;
    const [, quoted, plain] = /--lora-dir[ =]+(?:'([^']+)'|([^\s"']+))/.exec(line) ?? [];
    const path = quoted ?? plain;
    // A variable of the shell's is not ours to expand.
    if (path !== undefined && !path.includes('$'))
      return isAbsolute(path) ? path : join(root, path);
  }
  return null;
}

/** Without the links on the way, so that one folder counts once; its last part may be missing. */
async function spelledOut(folder: string): Promise<string> {
  return (
    (await realpath(folder).catch(ignoreAbsent)) ??
    join(await realpath(dirname(folder)), basename(folder))
  );
}

const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(ignoreAbsent))?.isFile() ?? false;
const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(ignoreAbsent))?.isDirectory() ?? false;
