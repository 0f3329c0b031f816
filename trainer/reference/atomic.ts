import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/** What a temporary file or folder is called until it is complete; a reader may ignore these. */
export const TEMPORARY = '.tmp-';

/** Writes a file under a temporary name beside it, then renames: readers see the old or the new, whole. */
export function writeFileAtomic(file: string, bytes: Uint8Array | string): void {
  const folder = path.dirname(file);
  const temporary = path.join(folder, TEMPORARY + path.basename(file));
  writeFileDurable(temporary, bytes);
  renameSync(temporary, file);
  syncFolder(folder);
}

/** Writes a file and waits until the disk has it. Not atomic. */
export function writeFileDurable(file: string, bytes: Uint8Array | string): void {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const descriptor = openSync(file, 'w');
  try {
    let done = 0;
    while (done < data.length) done += writeSync(descriptor, data, done);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a rename or a new entry in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Puts a finished temporary folder in its place. A folder of that name (the step was reached before,
 * by a run that resumed from further back) is moved aside first: rename does not replace a full one.
 */
export function publishFolder(temporary: string, folder: string): void {
  const parent = path.dirname(folder);
  const aside = path.join(parent, `${TEMPORARY}old-${path.basename(folder)}`);
  rmSync(aside, { recursive: true, force: true });
  if (existsSync(folder)) renameSync(folder, aside);
  renameSync(temporary, folder);
  syncFolder(parent);
  rmSync(aside, { recursive: true, force: true });
}

/** Makes a folder and removes what a killed run left half written in it. */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (name.startsWith(TEMPORARY)) rmSync(path.join(folder, name), { recursive: true });
  }
}
