// ranks.mjs STEPS SECONDS SAVE_EVERY FAULT [--resume CHECKPOINT]: two ranks that step together, each a
// process with heartbeats of its own. FAULT is KIND@STEP, KIND one of lost (rank 1 dies and the other
// waits for it for ever), stopped (rank 1 gets SIGSTOP), none; it fires once for a working folder.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

const [steps, seconds, every, fault, , resume] = process.argv.slice(2);
const [kind, at] = (fault ?? 'none@0').split('@');
const attempt = Number(process.env.NIGHTWARDEN_ATTEMPT ?? 0);
const beats = process.env.NIGHTWARDEN_HEARTBEAT_DIR;
const rank = Number(process.env.RANK ?? 0);
let seq = 0;

function beat(step) {
  if (beats === undefined) return;
  seq += 1;
  const now = { v: 1, attempt, pid: process.pid, rank, seq, time: Date.now() / 1000 };
  writeFileSync(
    `${beats}/.rank-${rank}.tmp`,
    JSON.stringify({ ...now, step, total_steps: Number(steps) }),
  );
  renameSync(`${beats}/.rank-${rank}.tmp`, `${beats}/rank-${rank}.json`);
}

const trace = (facts) =>
  appendFileSync(
    'trace.jsonl',
    `${JSON.stringify({ attempt, time: Date.now() / 1000, ...facts })}\n`,
  );

function lead() {
  let { step, digest } = resume
    ? JSON.parse(readFileSync(`${resume}/state.json`, 'utf8'))
    : { step: 0, digest: '' };
  trace({ from: step });
  const other = fork(process.argv[1], process.argv.slice(2), {
    env: { ...process.env, RANK: '1' },
  });
  // The gradients of the other rank: without them there is no next step.
  other.on('message', () => {
    step += 1;
    digest = createHash('sha256').update(`${digest} ${step}`).digest('hex');
    trace({ step });
    console.log(`step ${step}/${steps}`);
    beat(step);
    if (step % Number(every) === 0) save(step, digest);
    if (step === Number(steps)) return finish(digest);
    misbehave(step, other);
    setTimeout(() => other.send(step), Number(seconds) * 1000);
  });
  // As a collective without a timeout does: it waits.
  other.on('exit', () => setInterval(() => beat(step), 1000));
  other.on('error', () => {});
  other.send(step);
}

function save(step, digest) {
  const folder = `ckpt/step-${step}`;
  mkdirSync(`${folder}.new`, { recursive: true });
  writeFileSync(`${folder}.new/state.json`, JSON.stringify({ step, digest }));
  rmSync(folder, { recursive: true, force: true });
  renameSync(`${folder}.new`, folder);
}

function finish(digest) {
  mkdirSync('out', { recursive: true });
  writeFileSync('out/.final.tmp', JSON.stringify({ digest }));
  renameSync('out/.final.tmp', 'out/final.json');
  process.exit(0);
}

function misbehave(step, other) {
  if (step !== Number(at) || existsSync('.fault')) return;
  writeFileSync('.fault', '');
  if (kind === 'lost') other.kill('SIGKILL');
  if (kind === 'stopped') other.kill('SIGSTOP');
}

if (rank === 0) lead();
else
  process.on('message', (step) => {
    beat(step + 1);
    process.send('gradients');
  });
