// The real daemon over real trainers, with faults at random instants. See docs/chaos.md.
import { mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Baselines } from './baseline.js';
import { mayMount } from './home.js';
import { type Account, judge } from './judge.js';
import { play } from './night.js';
import type { Plan } from './plan.js';
import { planOf, QUICK, scenarioNames } from './plans.js';
import { report, tell } from './report.js';
import { Watchman } from './watchman.js';

const HELP = `Runs the daemon over real trainers that misbehave, and looks whether every run ends right.

  --minutes M     begin no run after so many minutes (20)
  --runs N        at most so many runs
  --seed S        of all plans (random)
  --run N         this run of the seed alone
  --only NAME     one scenario: ${scenarioNames.join(', ')}
  --side N        runs side by side (${2 * availableParallelism()})
  --quick         with the patience of a demonstration instead of a night's
  --keep          keep every home, not only those of failing runs
  --json          print the report as JSON alone
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    run: { type: 'string' },
    only: { type: 'string' },
    side: { type: 'string', default: String(2 * availableParallelism()) },
    quick: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : figure('seed', 0);
  const minutes = figure('minutes', 0);
  const only = values.only ?? null;
  const one = values.run === undefined ? null : figure('run', 0);
  const most = one === null ? (values.runs === undefined ? Infinity : figure('runs', 1)) : 1;
  planOf(seed, 0, only);
  const ended = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort());

  const dir = mkdtempSync(join(tmpdir(), 'nightwarden-chaos-'));
  const baselines = new Baselines(mkdtempSync(join(dir, 'baselines-')));
  const watchman = new Watchman();
  const mounts = mayMount();
  const deadline = performance.now() + minutes * 60_000;
  const accounts: Account[] = [];
  let begun = 0;
  const slot = async (): Promise<void> => {
    while (begun < most && performance.now() < deadline && !ended.signal.aborted) {
      const n = one ?? begun;
      begun += 1;
      const plan = withSettings(planOf(seed, n, only));
      if (plan.volume !== undefined && !mounts) {
        process.stderr.write(
          `run ${n} (${plan.scenario}) left out: mounting is not allowed here\n`,
        );
        continue;
      }
      const night = await play(plan, dir, watchman, ended.signal);
      if (ended.signal.aborted) {
        night.clear(false);
        return;
      }
      const account = await judge(night, baselines);
      const keep = values.keep || account.wrong !== null;
      night.clear(keep);
      accounts.push(account);
      tell(account, keep ? night.home.root : null, replay(plan));
    }
  };
  await Promise.all(Array.from({ length: Math.min(figure('side', 1), most) }, slot));
  const looks = await watchman.end();
  for (const name of readdirSync(dir)) {
    if (name.startsWith('baselines-')) rmSync(join(dir, name), { recursive: true });
  }
  // Homes that were kept are still in it.
  if (readdirSync(dir).length === 0) rmdirSync(dir);
  const result = report({ seed, minutes, accounts, looks });
  process.stdout.write(`${JSON.stringify(result, null, values.json ? 0 : 2)}\n`);
  return ended.signal.aborted ? 130 : result.wrong.length === 0 ? 0 : 1;
}

function withSettings(plan: Plan): Plan {
  return values.quick ? { ...plan, settings: { ...QUICK, ...plan.settings } } : plan;
}

/** One line that does exactly this run again. */
function replay({ seed, n }: Plan): string {
  const only = values.only === undefined ? '' : ` --only ${values.only}`;
  return `npm run chaos -- --seed ${seed} --run ${n}${only}${values.quick ? ' --quick' : ''}`;
}

function figure(name: 'minutes' | 'runs' | 'seed' | 'run' | 'side', least: number): number {
  const value = Number(values[name]);
  const whole = name === 'minutes' || Number.isSafeInteger(value);
  if (values[name] !== '' && Number.isFinite(value) && value >= least && whole) return value;
  throw new Error(`--${name}: expected a number of at least ${least}, got ${values[name]}`);
}

process.exitCode = await main();
