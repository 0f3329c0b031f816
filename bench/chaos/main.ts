// The real daemon over real trainers, with faults at random instants. See docs/chaos.md.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { campaign } from './campaign.js';
import type { Plan } from './plan.js';
import { planOf, QUICK, scenarioNames } from './plans.js';
import { sayReport, sayRun } from './report.js';

const HELP = `Runs the daemon over real trainers that misbehave, and looks whether every run ends right.

  --minutes M     begin no run after so many minutes (20)
  --runs N        at most so many runs
  --seed S        of all plans (random)
  --run N         this run of the seed alone
  --only A,B      these scenarios: ${scenarioNames.join(', ')}
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
  const only = scenarios();
  const one = values.run === undefined ? null : figure('run', 0);
  const many = values.runs === undefined ? Number.POSITIVE_INFINITY : figure('runs', 1);
  const ended = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort());
  const say = (text: string): void => void process.stderr.write(`${text}\n`);

  const result = await campaign({
    seed,
    minutes: figure('minutes', 0),
    runs: one === null ? many : 1,
    first: one ?? 0,
    side: figure('side', 1),
    planOf: (n) => withSettings(planOf(seed, n, only)),
    replay,
    keep: values.keep,
    signal: ended.signal,
    onRun: (ran) => say(sayRun(ran)),
    onLeftOut: ({ n, scenario }) =>
      say(`left out ${n} ${scenario}: mounting a volume is not allowed here`),
  });
  process.stdout.write(`${values.json ? JSON.stringify(result) : sayReport(result)}\n`);
  if (ended.signal.aborted) return 130;
  return result.wrong.length === 0 ? 0 : 1;
}

function withSettings(plan: Plan): Plan {
  return values.quick ? { ...plan, settings: { ...QUICK, ...plan.settings } } : plan;
}

function replay({ seed, n }: Plan): string {
  const only = values.only === undefined ? '' : ` --only ${values.only}`;
  return `npm run chaos -- --seed ${seed} --run ${n}${only}${values.quick ? ' --quick' : ''}`;
}

function scenarios(): string[] {
  const asked = (values.only ?? '').split(',').filter(Boolean);
  const unknown = asked.find((name) => !scenarioNames.includes(name));
  if (unknown === undefined) return asked;
  throw new Error(`--only ${unknown}: expected some of ${scenarioNames.join(', ')}`);
}

function figure(name: 'minutes' | 'runs' | 'seed' | 'run' | 'side', least: number): number {
  const value = Number(values[name]);
  const fits = name === 'minutes' ? Number.isFinite(value) : Number.isSafeInteger(value);
  if (values[name] !== '' && fits && value >= least) return value;
  throw new Error(`--${name}: expected a number of at least ${least}, got ${values[name]}`);
}

process.exitCode = await main();
