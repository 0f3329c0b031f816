import { mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Baselines } from './baseline.js';
import { mayMount } from './home.js';
import { judge } from './judge.js';
import { play } from './night.js';
import type { Plan } from './plan.js';
import { type Ran, type Report, report } from './report.js';
import { Watchman } from './watchman.js';

export interface Campaign {
  readonly seed: number;
  readonly minutes: number;
  /** Runs at most; Infinity for as many as there is time for. */
  readonly runs: number;
  readonly side: number;
  readonly planOf: (n: number) => Plan;
  /** The line that does exactly this run again. */
  readonly replay: (plan: Plan) => string;
  readonly keep: boolean;
  /** The number of the first run. */
  readonly first: number;
  readonly signal: AbortSignal;
  readonly onRun: (ran: Ran) => void;
  readonly onLeftOut: (plan: Plan) => void;
}

/** Runs one plan after the other, several side by side, in homes under one temporary folder. Homes of
 * runs that went wrong stay. */
export async function campaign(how: Campaign): Promise<Report> {
  const { seed, minutes, signal } = how;
  const dir = mkdtempSync(join(tmpdir(), 'nightwarden-chaos-'));
  const peace = mkdtempSync(join(dir, 'baselines-'));
  const baselines = new Baselines(peace);
  const watchman = new Watchman();
  const mounts = mayMount();
  const deadline = performance.now() + minutes * 60_000;
  const ran: Ran[] = [];
  let begun = 0;

  const slot = async (): Promise<void> => {
    while (begun < how.runs && performance.now() < deadline && !signal.aborted) {
      const plan = how.planOf(how.first + begun);
      begun += 1;
      if (plan.volume !== undefined && !mounts) {
        how.onLeftOut(plan);
        continue;
      }
      const night = await play(plan, dir, watchman, signal);
      if (signal.aborted) return night.clear(false);
      const account = await judge(night, baselines);
      const keep = how.keep || account.wrong !== null;
      night.clear(keep);
      const one = { account, home: keep ? night.home.root : null, replay: how.replay(plan) };
      ran.push(one);
      how.onRun(one);
    }
  };
  await Promise.all(Array.from({ length: Math.min(how.side, how.runs) }, slot));
  const looks = await watchman.end();
  rmSync(peace, { recursive: true });
  if (readdirSync(dir).length === 0) rmdirSync(dir);
  return report({ seed, minutes, ran, looks });
}
