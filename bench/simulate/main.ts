import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../config/index.js';
import { policyOf } from '../../daemon/startup/index.js';
import { report } from './report.js';
import { hasFailed, replay, shrink } from './shrink.js';
import { optionsOf, type Run, simulate } from './simulate.js';

const HELP = `Plays nights of training, faults and all, against the core's decisions. See docs/simulator.md.

  --nights N      how many (100)
  --seed S        of the first night; the others have the seeds after it (1)
  --mtbf HOURS    mean time between faults (1)
  --hours H       length of a night (8)
  --without I,J   leave these faults of each night out
  --trace         print what happens
  --json          print the report as JSON alone
`;
/** Failing nights that are shrunk and shown. */
const SHOWN = 10;

const { values } = parseArgs({
  options: {
    nights: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    mtbf: { type: 'string', default: '1' },
    hours: { type: 'string', default: '8' },
    without: { type: 'string', default: '' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function main(): number {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const run: Run = {
    nights: figure('nights'),
    seed: figure('seed'),
    hours: figure('hours'),
    mtbf_hours: figure('mtbf'),
    without: new Set(values.without.split(',').filter(Boolean).map(Number)),
  };
  // The defaults, whatever is configured on this machine.
  const policy = policyOf(loadConfig({ home: join(tmpdir(), 'nightwarden-no-home'), env: {} }));
  const trace = (at: number, what: string): void => {
    process.stdout.write(`${at.toFixed(2).padStart(9)}  ${what}\n`);
  };
  const began = performance.now();
  const used = process.cpuUsage();
  const accounts = simulate(run, policy, values.trace ? trace : null);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(used);
  const cpu_seconds = (user + system) / 1e6;
  const { seed, mtbf_hours } = run;
  const result = report({ seed, mtbf_hours, accounts, seconds, cpu_seconds });
  process.stdout.write(`${JSON.stringify(result, null, values.json ? 0 : 2)}\n`);
  const failing = accounts.flatMap((account, night) => (hasFailed(account) ? [night] : []));
  for (const night of failing.slice(0, SHOWN)) {
    const account = accounts[night];
    const shortest = shrink(optionsOf(run, night), policy);
    const lines = [
      `seed ${run.seed + night} went wrong:`,
      ...(account?.false_kills.map((what) => `  false kill ${what}`) ?? []),
      ...(account?.missed_hangs.map((what) => `  missed hang ${what}`) ?? []),
      `  ${replay(optionsOf(run, night))}`,
      `  shortest: ${replay(shortest)}`,
    ];
    process.stderr.write(`${lines.join('\n')}\n`);
  }
  return failing.length === 0 ? 0 : 1;
}

function figure(name: 'nights' | 'seed' | 'mtbf' | 'hours'): number {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name}: expected a number above 0, got ${values[name]}`);
}

process.exitCode = main();
