import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AdapterError } from './errors.js';

/**
 * The folder that FluxGym made for a LoRA, `outputs/<slug>`: by the name as it was typed into the
 * page, or by the slug.
 */
export function findLora(root: string, name: string): string {
  const outputs = join(root, 'outputs');
  const known = listed(outputs);
  const slug = slugOf(name);
  const found = [name, slug].find((folder) => known.includes(folder));
  if (found !== undefined) return join(outputs, found);
  const has = known.length === 0 ? 'There is none yet' : `There are ${known.join(', ')}`;
  throw new AdapterError(
    'with.lora',
    `the name of a LoRA with a train.sh in ${outputs}, got ${JSON.stringify(name)}`,
    `${has}; FluxGym writes it when a training is started on its page. cwd is FluxGym's own folder.`,
  );
}

function listed(outputs: string): string[] {
  if (!existsSync(outputs)) return [];
  return readdirSync(outputs)
    .filter((folder) => existsSync(join(outputs, folder, 'train.sh')))
    .sort();
}

/** As python-slugify makes it of the usual names: Latin letters and digits, the rest dashes. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f']/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}
