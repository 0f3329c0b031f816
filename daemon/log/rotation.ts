import { renameSync, rmSync } from 'node:fs';
import { parse } from 'node:path';

/** `nightwarden.jsonl`, 2 → `nightwarden.2.jsonl`: the ending stays what tools go by. */
export function rotatedName(path: string, age: number): string {
  const { dir, name, ext } = parse(path);
  return `${dir === '' ? '' : `${dir}/`}${name}.${age}${ext}`;
}

/**
 * Moves a full log aside: the current file becomes age 1, each older one a place further, the oldest
 * is removed. Synchronous, so that a dying process finds it done or not begun; it happens once in
 * megabytes. Throws what the file system refuses, except for files that are not there.
 */
export function rotate(path: string, files: number): void {
  rmSync(rotatedName(path, files), { force: true });
  for (let age = files - 1; age >= 1; age -= 1) {
    move(rotatedName(path, age), rotatedName(path, age + 1));
  }
  move(path, rotatedName(path, 1));
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
