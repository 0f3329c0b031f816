import { lstat, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { escapePath, glob, isDynamicPattern } from 'tinyglobby';
import { absentIsNull } from './absent.js';
import { countedStep, type NameGroups, stepsPerEpoch } from './count.js';
import { linkFs } from './linkfs.js';
import type { CheckpointSpec, Found } from './types.js';

/**
 * Every file or folder that bears a checkpoint's name, newest first (highest step, then
 * modification time, then path). A folder that does not exist yet gives an empty list, and so
 * does a name whose step is not a whole number.
 *
 * @param cwd the trainer's working folder, absolute
 * @throws TypeError when `spec.step` is no regular expression or has no group
 */
export async function findCheckpoints(spec: CheckpointSpec, cwd: string): Promise<Found[]> {
  const readStep = stepReader(spec);
  const { base, pattern } = splitGlob(spec.glob, cwd);
  // tinyglobby is silent about a missing folder, but not about one that is a file.
  if (!(await absentIsNull(stat(base)))?.isDirectory()) return [];
  const matches = await glob(pattern, {
    cwd: base,
    onlyFiles: false,
    expandDirectories: false,
    // Without this the crawler also lists what is inside each checkpoint.
    ...(pattern.includes('**') ? {} : { deep: pattern.split('/').length - 1 }),
    fs: linkFs(!pattern.includes('**')),
    dot: pattern.split('/').some((segment) => segment.startsWith('.')),
  });
  // Where nothing tells how long an epoch is, epochs stand for steps: a resume needs no more.
  const each = spec.count && matches.length > 0 ? ((await stepsPerEpoch(spec.count)) ?? 1) : 1;
  const found = await Promise.all(
    matches.map(async (match) => {
      const path = join(base, match.replace(/\/$/, '')); // folders come with a slash
      if (isLitter(relative(base, path))) return null;
      const read = readStep(shownPath(path, cwd));
      if (read === null) return null;
      const { count } = spec;
      const step = count ? await countedStep(path, read.groups, count, each) : read.step;
      return step === null ? null : look(path, step, spec);
    }),
  );
  return found.filter((f): f is Found => f !== null).sort(newestFirst);
}

/** Order of checkpoints: highest step, then latest modification, then path (so that it is total). */
export function newestFirst(
  a: Pick<Found, 'path' | 'step' | 'mtime_ms'>,
  b: Pick<Found, 'path' | 'step' | 'mtime_ms'>,
): number {
  return b.step - a.step || b.mtime_ms - a.mtime_ms || (a.path < b.path ? 1 : -1);
}

/** Makes a literal path safe inside a glob. */
export const escapeGlob: (path: string) => string = escapePath;

/**
 * What a killed writer leaves: safetensors 0.8 writes `.tmpXXXXXX` beside its target, others
 * `x.tmp`, `x.tmp-1234` or `x.partial`. Never a checkpoint, never a part of one.
 */
export function isLitter(relativePath: string): boolean {
  return relativePath
    .split('/')
    .some((s) => s.startsWith('.tmp') || /\.(tmp[^.]*|partial)$/.test(s) || s === QUARANTINE);
}

/** Folder beside a trainer's output that takes what may not stay in it (see quarantine.ts). */
export const QUARANTINE = '.nightwarden-quarantine';

async function look(
  path: string,
  step: number,
  { needs, since }: CheckpointSpec,
): Promise<Found | null> {
  // A link to nothing is still found: verification says what is wrong with it.
  const at = (await absentIsNull(stat(path))) ?? (await absentIsNull(lstat(path)));
  // A trainer may delete an old checkpoint between the listing and this look.
  if (at === null) return null;
  if (since !== undefined && at.mtimeMs < since) return null;
  const kind = at.isDirectory() ? 'folder' : 'file';
  return { path, step, kind, mtime_ms: at.mtimeMs, ...(needs ? { needs } : {}) };
}

/** What a name says; `step` is null only where it is told by more than the name. */
interface NameRead {
  readonly step: number | null;
  readonly groups: NameGroups;
}

function stepReader(spec: CheckpointSpec): (path: string) => NameRead | null {
  const hint = `checkpoints.step: expected a regular expression with a group for the step, such as 'step-(\\d+)', got '${spec.step}'`;
  let pattern: RegExp;
  try {
    pattern = new RegExp(spec.step, 'g');
  } catch (cause) {
    throw new TypeError(hint, { cause });
  }
  if ((new RegExp(`${spec.step}|`).exec('')?.length ?? 0) < 2) throw new TypeError(hint);
  return (path) => {
    const match = [...path.matchAll(pattern)].at(-1);
    if (match === undefined) return null;
    const groups: NameGroups = match.groups ?? {};
    const { step, epoch } = groups;
    if (spec.count !== undefined) return { step: null, groups };
    const value = wholeNumber(step ?? epoch ?? match[1]);
    if (value === null) return null;
    const epochs = step === undefined && epoch !== undefined;
    return { step: epochs ? value * (spec.steps_per_epoch ?? 1) : value, groups };
  };
}

function wholeNumber(digits: string | undefined): number | null {
  if (digits === undefined || !/^\d+$/.test(digits)) return null;
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : null;
}

/**
 * The fixed part of a glob becomes the folder to search in. Otherwise an absolute pattern makes
 * the crawl start at the root, and brackets in the working folder would be read as a pattern.
 */
function splitGlob(pattern: string, cwd: string): { base: string; pattern: string } {
  const segments = pattern.replace(/\/+$/, '').split('/');
  const fixed = segments.slice(0, -1).findIndex((s) => s === '**' || isDynamicPattern(s));
  const cut = fixed === -1 ? segments.length - 1 : fixed;
  const head = segments
    .slice(0, cut)
    .join('/')
    .replace(/\\(?=[()[\]{}!*+?@|])/g, '');
  const base = isAbsolute(pattern) ? resolve('/', head) : resolve(cwd, head);
  return { base, pattern: segments.slice(cut).join('/') };
}

function shownPath(path: string, cwd: string): string {
  const inside = relative(cwd, path);
  return inside.startsWith('..') ? path : inside;
}
