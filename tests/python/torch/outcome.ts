import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { torchPython } from './torch-python.js';

export const run = promisify(execFile);

/** Every name below a folder. */
export const names = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

/** How often the optimizer has stepped, as it itself has saved it in each of these folders. */
export async function optimizerSteps(...folders: string[]): Promise<number[]> {
  const code = `import sys, torch
for path in sys.argv[1:]: print(int(torch.load(path, weights_only=False)["state"][0]["step"]))`;
  const files = folders.map((folder) => join(folder, 'optimizer.bin'));
  const { stdout } = await run(torchPython!, ['-c', code, ...files]);
  return stdout.trim().split('\n').map(Number);
}

/** The number of the line of a file that holds a text. */
export const lineOf = (file: string, text: string): number =>
  readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1;
