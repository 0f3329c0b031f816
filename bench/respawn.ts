// From a trainer's death to the first act of the next one, the choice of the checkpoint in between;
// pm2 beside it in the same run, with the same program. `npm run bench:respawn -- [--kills N] [--json]`
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCheckpoint } from './lib/checkpoint.js';
import { startDaemon } from './lib/daemon.js';
import { median, quantile, rounded, table } from './lib/figures.js';
import { type FirstLines, firstLines } from './lib/first-lines.js';
import { startPm2 } from './lib/pm2.js';
import { end, inWorkplace, until, type Workplace } from './lib/workplace.js';

const CHECKPOINTS = 10;
/** So that neither supervisor nor benchmark is busy with the last restart when the next kill comes. */
const QUIET_MS = 300;

/** Says who it is, resumes, gains one step, saves it and waits to be killed. */
const TRAINER = `#!/bin/sh
echo $$ >"$FIRST_LINE"
step=$CHECKPOINT_COUNT
while [ $# -gt 0 ]; do
  case $1 in */step-*) step=\${1##*/step-} ;; esac
  shift
done
step=$((step + 1))
rm -rf "$CHECKPOINT_DIR/step-$((step - CHECKPOINT_COUNT))" "$CHECKPOINT_DIR/step-$step"
cp -r "$CHECKPOINT_TEMPLATE" "$CHECKPOINT_DIR/new.tmp"
mv "$CHECKPOINT_DIR/new.tmp" "$CHECKPOINT_DIR/step-$step"
echo "step $step/1000000"
exec sleep 1000000
`;

interface Supervised {
  readonly name: string;
  readonly milliseconds: number[];
  /** Kills the trainer when it stands well, and waits for the next one. */
  kill(): Promise<void>;
}

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '30' }, json: { type: 'boolean', default: false } },
});
const kills = Number(values.kills);
if (!Number.isSafeInteger(kills) || kills < 1) throw new Error('--kills: expected a whole number');

const measured = await inWorkplace(async (place) => {
  const template = join(place.dir, 'template');
  const program = join(place.dir, 'trainer.sh');
  makeCheckpoint(template);
  writeFileSync(program, TRAINER, { mode: 0o755 });
  const both = [await ours(place, program, template), await pm2s(place, program, template)];
  // In turn, so that whatever else the machine does meets both.
  for (let n = 0; n < kills; n += 1) for (const one of both) await one.kill();
  return both;
});
tell(measured);

async function ours(place: Workplace, program: string, template: string): Promise<Supervised> {
  const { folder, lines, env } = stage(place, 'ours', template);
  const daemon = await startDaemon(place);
  place.atEnd(() => daemon.endJob('bench'));
  await daemon.queue(
    join(folder, 'bench.yaml'),
    JSON.stringify({
      name: 'bench',
      trainer: 'command',
      command: ['/bin/sh', program],
      cwd: folder,
      env,
      log: { step: 'step (\\d+)/(\\d+)' },
      checkpoints: { glob: 'step-*', step: 'step-(\\d+)' },
      resume: { args: ['--resume', '{checkpoint}'] },
    }),
  );
  return supervised('nightwarden', lines, async () => {
    await until('a verified checkpoint at the newest step', 60, async () => {
      const { state, step, checkpoint } = await daemon.job('bench');
      return state === 'running' && step !== null && checkpoint?.step === step;
    });
  });
}

async function pm2s(place: Workplace, program: string, template: string): Promise<Supervised> {
  const { folder, lines, env } = stage(place, 'pm2', template);
  const pm2 = await startPm2(place);
  // Its cut-off after 16 short lives is the one default that a benchmark of kills must not meet.
  const args = ['start', program, '--name', 'bench', '--interpreter', '/bin/sh', '--cwd', folder];
  await pm2.run([...args, '--max-restarts', '1000000'], env);
  return supervised('pm2', lines, () => Promise.resolve());
}

function stage(place: Workplace, name: string, template: string) {
  const folder = join(place.dir, name);
  mkdirSync(folder);
  for (let step = 1; step <= CHECKPOINTS; step += 1) makeCheckpoint(join(folder, `step-${step}`));
  const lines = firstLines(place, join(place.dir, `${name}.fifo`));
  const env = {
    FIRST_LINE: lines.path,
    CHECKPOINT_DIR: folder,
    CHECKPOINT_TEMPLATE: template,
    CHECKPOINT_COUNT: String(CHECKPOINTS),
  };
  return { folder, lines, env };
}

async function supervised(
  name: string,
  lines: FirstLines,
  standsWell: () => Promise<void>,
): Promise<Supervised> {
  const milliseconds: number[] = [];
  let { pid } = await lines.next();
  return {
    name,
    milliseconds,
    async kill() {
      await standsWell();
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      const killed = performance.now();
      end(pid);
      const next = await lines.next();
      milliseconds.push(next.at - killed);
      pid = next.pid;
    },
  };
}

function tell(measured: readonly Supervised[]): void {
  const rows = measured.map(({ name, milliseconds }) => ({
    supervisor: name,
    kills: milliseconds.length,
    median_ms: rounded(median(milliseconds), 2),
    p95_ms: rounded(quantile(milliseconds, 0.95), 2),
    min_ms: rounded(Math.min(...milliseconds), 2),
    max_ms: rounded(Math.max(...milliseconds), 2),
  }));
  const [us, them] = rows as [(typeof rows)[number], (typeof rows)[number]];
  const ratio = rounded(us.median_ms / them.median_ms, 2);
  const machine = `${cpus().length} cores, Linux ${release()}, Node ${process.version}`;
  if (values.json) {
    console.log(JSON.stringify({ machine, rows, ratio }));
    return;
  }
  console.log(`SIGKILL of the trainer to the first act of the next, ms (${machine})`);
  console.log(
    table([
      ['', 'kills', 'median', 'p95', 'min', 'max'],
      ...rows.map((row) => Object.values(row).map(String)),
    ]),
  );
  console.log(`ratio of the medians: ${ratio}`);
}
