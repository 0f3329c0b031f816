import { rm } from 'node:fs/promises';
import { bootId } from '../../../trainer/process/index.js';
import { linkOrCopy } from './atomic.js';
import type { Budget } from './budget.js';
import type { DownloadEvent } from './events.js';
import { type FileJob, fetchFile } from './file.js';
import type { HubCache } from './hub-cache.js';
import { aboutOf, lookAt, occupied } from './look.js';
import { lockPartial, openPartial, partialFolder, removeOthers } from './partial.js';
import type { Proofs } from './proved.js';
import type { Session } from './session.js';

export interface Means {
  readonly budget: Budget;
  readonly proofs: Proofs;
  readonly cache: HubCache;
  /** Puts the Hub's file in the place of another one. */
  readonly replace: boolean;
  /** Other paths where the same file may lie, proved. */
  readonly elsewhere: (job: FileJob) => readonly string[];
}

type How = Extract<DownloadEvent, { type: 'done' }>['how'];

/** Has the file at its target in the end: it is there, lies elsewhere on this machine, or is fetched. */
export async function obtain(session: Session, job: FileJob, means: Means): Promise<How> {
  const there = await settled(session, job, means);
  if (there !== null) return there;
  const folder = partialFolder(job.target, job.file.fingerprint);
  const onWait = (holder: string) =>
    session.report({
      type: 'waiting',
      why: `${job.file.path} is being fetched by ${holder}`,
      seconds: null,
    });
  const lock = await lockPartial(folder, onWait, session.signal);
  try {
    // Another process may have finished it while we waited.
    const now = await settled(session, job, means);
    if (now !== null) {
      await rm(folder, { recursive: true, force: true });
      return now;
    }
    const { proofs } = means;
    const { fingerprint } = job.file;
    const about = aboutOf(job);
    const local = await onThisMachine(session, job, means);
    if (local !== null) {
      await linkOrCopy(local, job.target);
      await proofs.add(job.target, fingerprint, about);
      await rm(folder, { recursive: true, force: true });
      return 'cache';
    }
    await removeOthers(job.target, folder);
    const partial = await openPartial(folder, job.file.size, fingerprint, bootId());
    try {
      await fetchFile(session, job, partial, means.budget);
    } catch (error) {
      await partial.close();
      throw error;
    }
    await proofs.add(job.target, fingerprint, about);
    return 'downloaded';
  } finally {
    await lock.release();
  }
}

/** What is at the target settles it, unless nothing is there. */
async function settled(session: Session, job: FileJob, means: Means): Promise<How | null> {
  const found = await lookAt(session, job, means.proofs);
  if (found.is === 'right') return 'present';
  if (found.is === 'absent' || found.is === 'outdated' || means.replace) return null;
  // A night must not turn on what was pushed to a branch meanwhile: what worked is kept.
  if (found.is === 'older') return 'kept';
  throw occupied(job, found.why);
}

/** The same bytes in the Hub's cache or at another target; read once to be sure. */
async function onThisMachine(session: Session, job: FileJob, means: Means): Promise<string | null> {
  const { file, model, commit } = job;
  const cached = await means.cache.find(model.repo, commit, file);
  for (const path of [...(cached === null ? [] : [cached]), ...means.elsewhere(job)]) {
    if (path === job.target) continue;
    const found = await lookAt(session, { ...job, target: path }, means.proofs);
    if (found.is === 'right') return path;
    if (path === cached && found.is === 'other') {
      const why = `the Hub's cache has it, but damaged (${found.why}): not used`;
      session.report({ type: 'waiting', why: `${file.path}: ${why}`, seconds: null });
    }
  }
  return null;
}
