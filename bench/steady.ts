// Memory and CPU use of the daemon while it watches over a trainer that makes ten steps a second;
// pm2's God daemon beside it in the same run, with the same program.
// `npm run bench:memory -- [--seconds N] [--warm-up N] [--json]`
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startDaemon } from './lib/daemon.js';
import { median, rounded, table } from './lib/figures.js';
import { startPm2 } from './lib/pm2.js';
import { cpuSeconds, residentBytes } from './lib/process-figures.js';
import { inWorkplace, until, type Workplace } from './lib/workplace.js';

const MIB = 2 ** 20;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    'warm-up': { type: 'string', default: '15' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const warmUp = Number(values['warm-up']);
if (!(seconds >= 1 && warmUp >= 0)) throw new Error('--seconds, --warm-up: expected numbers');

const beater = fileURLToPath(new URL('./lib/beater.js', import.meta.url));

tell(
  await inWorkplace(async (place) => {
    const supervisors = [
      { supervisor: 'nightwarden', pid: await ours(place) },
      { supervisor: 'pm2', pid: await pm2s(place) },
    ];
    await delay(warmUp * 1000);
    return measure(supervisors);
  }),
);

async function ours(place: Workplace): Promise<number> {
  const daemon = await startDaemon(place);
  const job = { name: 'steady', trainer: 'command', command: [process.execPath, beater] };
  await daemon.queue(
    join(place.dir, 'steady.yaml'),
    JSON.stringify({ ...job, cwd: place.dir, heartbeat: 'file' }),
  );
  place.atEnd(() => daemon.endJob(job.name));
  await until('its first steps', 30, async () => ((await daemon.job(job.name)).step ?? 0) > 10);
  return daemon.pid;
}

async function pm2s(place: Workplace): Promise<number> {
  const pm2 = await startPm2(place);
  const env = { NIGHTWARDEN_HEARTBEAT_DIR: join(place.dir, 'beats') };
  await pm2.run(['start', beater, '--name', 'steady'], env);
  return pm2.god;
}

interface Watched {
  readonly supervisor: string;
  readonly pid: number;
}

async function measure(supervisors: readonly Watched[]) {
  const rss = supervisors.map((): number[] => []);
  const before = supervisors.map(({ pid }) => cpuSeconds(pid));
  const began = performance.now();
  while (performance.now() - began < seconds * 1000) {
    await delay(1000);
    for (const [i, { pid }] of supervisors.entries()) rss[i]?.push(residentBytes(pid));
  }
  const wall = (performance.now() - began) / 1000;
  return supervisors.map(({ supervisor, pid }, i) => ({
    supervisor,
    rss_mib: rounded(median(rss[i] ?? []) / MIB, 1),
    rss_max_mib: rounded(Math.max(...(rss[i] ?? [])) / MIB, 1),
    cpu_percent: rounded(((cpuSeconds(pid) - (before[i] ?? 0)) / wall) * 100, 2),
  }));
}

function tell(rows: Awaited<ReturnType<typeof measure>>): void {
  const ratio = rounded((rows[0]?.rss_mib ?? 0) / (rows[1]?.rss_mib ?? 0), 2);
  const machine = `${cpus().length} cores, Linux ${release()}, Node ${process.version}`;
  if (values.json) {
    console.log(JSON.stringify({ machine, seconds, rows, ratio }));
    return;
  }
  console.log(`${seconds} s beside a trainer of 10 steps a second (${machine})`);
  console.log(
    table([
      ['', 'RSS MiB', 'highest', 'CPU % of a core'],
      ...rows.map((row) => Object.values(row).map(String)),
    ]),
  );
  console.log(`ratio of the memories: ${ratio}`);
}
