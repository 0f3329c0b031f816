import { basename, join } from 'node:path';
import { isAbsent, orAborted } from './absent.js';
import { checkFile, checkStep } from './filecheck.js';
import { isLitter } from './find.js';
import { fingerprint } from './fingerprint.js';
import { hashFile } from './hash.js';
import { checkLayout, checkOrder } from './layouts.js';
import { type OpenFile, openFile, withReader } from './reader.js';
import type {
  BadVerdict,
  FileFault,
  FileStat,
  Fingerprint,
  Found,
  Manifest,
  Verdict,
} from './types.js';

export interface VerifyOptions {
  /** Highest plausible step: the run's total, or the highest step seen and some slack. */
  maxStep?: number;
  signal?: AbortSignal;
  /** Read and hash every byte (default), or look at the structure alone. */
  hash?: boolean;
  open?: OpenFile;
  /** Unix milliseconds. */
  now?: () => number;
}

/** Files opened at the same time. */
const TOGETHER = 16;

/**
 * Is this checkpoint whole? Structure first (headers, tails, sizes, the files its layout needs),
 * and only where that holds are the bytes read and hashed. A checkpoint that changed meanwhile is
 * `unstable`, one that is gone is `missing` with its own name as the file.
 *
 * @throws the signal's reason when aborted; any error of the file system but "not there"
 */
export function verifyCheckpoint(found: Found, options: VerifyOptions = {}): Promise<Verdict> {
  return orAborted(verifySince(found, null, options), options.signal);
}

/**
 * As `verifyCheckpoint`, for a caller that has taken the fingerprint already: any change since
 * makes the checkpoint `unstable`, so that a verdict is always one about `print`.
 */
export async function verifySince(
  found: Found,
  print: Fingerprint | null,
  options: VerifyOptions,
): Promise<Verdict> {
  const own = basename(found.path);
  const step = checkStep(found.step, options.maxStep);
  if (step !== null) return refuse(own, step);
  try {
    const before = print ?? (await fingerprint(found.path));
    const faultOrSums = await judge(found, before, options);
    const after = await fingerprint(found.path);
    if (after.digest !== before.digest) {
      return refuse(changedFile(before, after) ?? own, {
        kind: 'unstable',
        reason: 'changed while it was being verified',
      });
    }
    if (!(faultOrSums instanceof Map)) return faultOrSums;
    return { ok: true, manifest: manifestOf(found, before, faultOrSums, options.now ?? Date.now) };
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return refuse(own, { kind: 'missing', reason: 'the checkpoint is no longer there' });
  }
}

/** The hashes by file name (none where they were not asked for), or what is wrong. */
async function judge(
  found: Found,
  print: Fingerprint,
  options: VerifyOptions,
): Promise<BadVerdict | Map<string, string>> {
  const files = print.files.filter((f) => isPart(f, found.kind));
  const dead = files.find((f) => f.size < 0);
  if (dead !== undefined) {
    return refuse(dead.name, { kind: 'missing', reason: 'is a link to a file that is not there' });
  }
  const own = basename(found.path);
  if (found.kind === 'folder') {
    if (files.length === 0)
      return refuse(own, { kind: 'empty', reason: 'the folder has no files' });
    const layout = checkLayout(own, files, found.needs);
    if (layout !== null) return layout;
  }
  return (
    (await checkStructures(found, files, options)) ??
    (found.kind === 'folder' ? checkOrder(own, files) : null) ??
    checkContents(found, files, options)
  );
}

/** Litter is no part of a checkpoint; an empty dot file (a marker, a lock) says nothing about it. */
function isPart(file: FileStat, kind: Found['kind']): boolean {
  if (kind === 'file') return true;
  return !isLitter(file.name) && !(file.size === 0 && basename(file.name).startsWith('.'));
}

async function checkStructures(
  found: Found,
  files: readonly FileStat[],
  options: VerifyOptions,
): Promise<BadVerdict | null> {
  const context = { maxStep: options.maxStep };
  for (let i = 0; i < files.length; i += TOGETHER) {
    options.signal?.throwIfAborted();
    const verdicts = await Promise.all(
      files.slice(i, i + TOGETHER).map(async ({ name }) => {
        const fault = await inFile(found, name, options, (r) => checkFile(name, r, context));
        return fault && refuse(name, fault);
      }),
    );
    const bad = verdicts.find((v) => v !== null);
    if (bad) return bad;
  }
  return null;
}

async function checkContents(
  found: Found,
  files: readonly FileStat[],
  options: VerifyOptions,
): Promise<BadVerdict | Map<string, string>> {
  const sums = new Map<string, string>();
  if (options.hash === false) return sums;
  for (const { name } of files) {
    const result = await inFile(found, name, options, (r) => hashFile(r, options.signal));
    if (!('sha256' in result)) return refuse(name, result);
    if (result.fault !== null) return refuse(name, result.fault);
    sums.set(name, result.sha256);
  }
  return sums;
}

/** Opens a file of the checkpoint; one that went since the listing makes the look worthless. */
async function inFile<T>(
  found: Found,
  name: string,
  options: VerifyOptions,
  use: Parameters<typeof withReader<T>>[2],
): Promise<T | FileFault> {
  const path = found.kind === 'folder' ? join(found.path, name) : found.path;
  try {
    return await withReader(path, options.open ?? openFile, use);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return { kind: 'unstable', reason: 'went away while it was being verified' };
  }
}

function refuse(file: string, fault: FileFault): BadVerdict {
  return { ok: false, file, reason: fault.reason, kind: fault.kind };
}

function changedFile(a: Fingerprint, b: Fingerprint): string | undefined {
  const line = (f: FileStat) => `${f.name}\0${f.size}\0${f.mtime_ns}\0${f.inode}`;
  const known = new Set(a.files.map(line));
  const later = new Set(b.files.map(line));
  return (
    b.files.find((f) => !known.has(line(f)))?.name ?? a.files.find((f) => !later.has(line(f)))?.name
  );
}

function manifestOf(
  found: Found,
  print: Fingerprint,
  sums: ReadonlyMap<string, string>,
  now: () => number,
): Manifest {
  return {
    v: 1,
    path: found.path,
    step: found.step,
    bytes: print.files.reduce((sum, f) => sum + (isPart(f, found.kind) ? f.size : 0), 0),
    verified_at: Math.floor(now() / 1000),
    files: print.files
      .filter((f) => isPart(f, found.kind))
      .map(({ name, size, mtime_ns }) => ({
        name,
        size,
        mtime_ns,
        sha256: sums.get(name) ?? null,
      })),
  };
}
