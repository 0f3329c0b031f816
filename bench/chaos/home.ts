import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { homePaths } from '../../config/index.js';
import { lineageOf } from '../../trainer/process/index.js';
import { JOB } from './jobs.js';
import type { Plan } from './plan.js';

/** The folders of one run. */
export interface Home {
  readonly root: string;
  readonly state: string;
  readonly work: string;
  readonly attempts: string;
  readonly checkpoints: string;
  readonly lineage: string;
  /** The small volume's folder; null where the run has none. */
  readonly volume: string | null;
}

export function makeHome(root: string, plan: Plan): Home {
  const { config, state, outputs } = homePaths(root);
  const work = join(root, 'work');
  for (const folder of [config, state, outputs, work]) mkdirSync(folder, { recursive: true });
  const settings = { http: { port: 0 }, ...plan.settings };
  writeFileSync(join(config, 'nightwarden.yaml'), JSON.stringify(settings));
  const volume = plan.volume === undefined ? null : { state, outputs }[plan.volume.folder];
  if (volume !== null && plan.volume !== undefined) {
    const size = `size=${plan.volume.mib}m`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', volume]);
  }
  const attempts = join(state, 'jobs', JOB, 'attempts');
  const reference = plan.program.kind === 'reference';
  const checkpoints = reference ? join(outputs, JOB, 'checkpoints') : join(work, 'ckpt');
  return { root, state, work, attempts, checkpoints, lineage: lineageOf(root, JOB), volume };
}

/** Lets the volume go. What is on it goes too, unless `keep` copies it beside. */
export function unmount({ root, volume }: Home, keep: boolean): void {
  if (volume === null) return;
  const copy = `${volume}.kept`;
  if (keep) execFileSync('cp', ['-a', volume, copy]);
  execFileSync('umount', ['-l', volume]);
  if (!keep || !existsSync(copy)) return;
  rmSync(volume, { recursive: true });
  execFileSync('mv', [copy, volume], { cwd: root });
}

const BALLAST = 'ballast';

/** Writes until the volume takes no more. */
export function fill({ volume }: Home): void {
  if (volume === null) throw new Error('this run has no volume that could be filled');
  const path = join(volume, BALLAST);
  for (;;) {
    const { bavail, bsize } = statfsSync(volume);
    try {
      writeFileSync(path, Buffer.alloc(Math.max(bavail * bsize, bsize)), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

export function makeRoom({ volume }: Home): void {
  if (volume !== null) rmSync(join(volume, BALLAST), { force: true });
}

/** Whether a volume may be mounted here: as root, and not in every container. */
export function mayMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false; // The answer itself: the runs that need one are left out, and said to be.
  }
}
