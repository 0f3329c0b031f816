import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/**
 * The words that each sample was made with, for the widget of the card: kohya and FluxGym keep them a
 * line each in `sample_prompts.txt` beside the LoRA, and number the images after the lines
 * (`{name}_{steps}_{number}_{time}.png`). Where they cannot be told, `otherwise`.
 */
export async function promptsOf(
  results: string,
  samples: readonly string[],
  otherwise: string,
): Promise<string[]> {
  const text = await readFile(join(results, 'sample_prompts.txt'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '';
      throw error;
    },
  );
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    // Options of sd-scripts: size, seed, steps.
    .map((line) => line.replace(/\s--\w .*$/, '').trim());
  return samples.map((path) => {
    const number = /_(?:\d{6}|e\d{6})_(\d{2})_\d{14}/.exec(basename(path))?.[1];
    return (number === undefined ? undefined : lines[Number(number)]) || otherwise;
  });
}
