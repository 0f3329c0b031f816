import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CLI, House, program } from './house.js';

/** One for each way in which a token may be given. */
const CANARIES = {
  HF_TOKEN: 'hf_canaryEnvironmentAAAAAAAAAAAA',
  HUGGING_FACE_HUB_TOKEN: 'hf_canaryOldVariableBBBBBBBBBBBB',
  HF_TOKEN_PATH: 'hf_canaryNamedFileCCCCCCCCCCCCCC',
  home: 'hf_canaryFileInHomeDDDDDDDDDDDDD',
  login: 'hf_canaryStoredLoginEEEEEEEEEEEE',
} as const;
const all = Object.values(CANARIES);

let house: House;
let watch: Watch;
beforeEach(() => {
  house = new House(`hang: { floor_seconds: 1, confirm_seconds: 0.5, idle_seconds: 2 }
checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }
`);
  mkdirSync(house.path('work/ckpt'), { recursive: true });
  cpSync(program('canary.py'), house.path('work/canary.py'));
  house.env['HF_TOKEN'] = CANARIES.HF_TOKEN;
  house.env['HUGGING_FACE_HUB_TOKEN'] = CANARIES.HUGGING_FACE_HUB_TOKEN;
  house.env['HF_TOKEN_PATH'] = house.write('secret/named', `${CANARIES.HF_TOKEN_PATH}\n`);
  house.env['HF_HOME'] = house.path('secret');
  house.write('secret/token', CANARIES.login);
  house.write('HF_TOKEN', `${CANARIES.home}\n`);
  watch = new Watch();
});
afterEach(async () => {
  watch.end();
  await house.demolish();
});

const job = (extra: string, leak = 'nothing'): string => `name: canary
command: [python3, canary.py, ${leak}]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }
resume: { args: ['{checkpoint}'] }
done: { step: 60, artefact: out.json }
${extra}`;

/** A night with a hang, then a crash, then the end; all that is told of it meanwhile and after. */
async function night(text: string): Promise<string[]> {
  const daemon = await house.up();
  watch.begin(daemon.pid!);
  await house.queue('canary', text);
  const told: string[] = [];
  const seen = async (what: string, attempt: number): Promise<void> => {
    await house.job('canary', what, (now) => now.attempt >= attempt && (now.step ?? 0) > 0);
    for (const path of ['/metrics', '/api/status', '/readyz', '/nowhere'])
      told.push(await (await fetch(house.url() + path)).text());
  };
  await seen('its first life', 1);
  await seen('its second life, after the hang', 2);
  await seen('its third life, after the crash', 3);
  const end = await house.job('canary', 'the end', ({ state }) => state === 'finished');
  expect(end.attempts_by_cause).toMatchObject({ start: 1, hang: 1, crash: 1 });
  const env = { ...process.env, NIGHTWARDEN_HOME: house.home };
  for (const args of [['status'], ['status', '--json']])
    told.push((await promisify(execFile)(process.execPath, [CLI, ...args], { env })).stdout);
  return [...told, JSON.stringify(await house.status())];
}

/** Looks at every process all the time: no command line may hold a canary, and no environment of
 * what the daemon has started. */
class Watch {
  readonly found = new Set<string>();
  looked = 0;
  private daemon = 0;
  private timer: NodeJS.Timeout | null = null;

  begin(daemon: number): void {
    this.daemon = daemon;
    this.timer = setInterval(() => this.look(), 20);
  }

  end(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  private look(): void {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const command = read(`/proc/${pid}/cmdline`);
      for (const canary of all) if (command.includes(canary)) this.found.add(`cmdline: ${command}`);
      // One that was forked and has not called exec yet shows the daemon's own still.
      if (!this.isChild(pid) || command.includes('main.js up')) continue;
      this.looked += 1;
      const environ = read(`/proc/${pid}/environ`);
      for (const name of ['HF_TOKEN=', 'HUGGING_FACE_HUB_TOKEN=', 'HF_TOKEN_PATH=', ...all])
        if (environ.includes(name)) this.found.add(`${name} in the environment of ${command}`);
    }
  }

  /** Started by the daemon: a program it asks, a shepherd, a trainer. */
  private isChild(pid: string): boolean {
    if (Number(pid) === this.daemon) return false;
    const parent = /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1];
    return Number(parent) === this.daemon || read(`/proc/${pid}/environ`).includes(house.home);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1').replaceAll('\0', ' ');
  } catch {
    // It ended while we looked.
    return '';
  }
}

test('tokens given in every way stand nowhere but where they were put', async () => {
  const told = await night(job(''));
  for (const canary of all) expect(told.filter((text) => text.includes(canary))).toEqual([]);
  expect(house.holding(all, 'state')).toEqual([]);
  expect(house.holding(all, 'logs')).toEqual([]);
  expect(house.holding(all, 'config')).toEqual([]);
  expect([...watch.found]).toEqual([]);
  expect(watch.looked).toBeGreaterThan(10);
  const attempts = readdirSync(house.path('state/jobs/canary/attempts/1/evidence'));
  expect(attempts).toContain('log-tail.txt');
  // What could be read by others is closed, and of what is not ours it is warned.
  expect(statSync(house.path('HF_TOKEN')).mode & 0o777).toBe(0o600);
  expect(house.read('logs/nightwarden.jsonl')).toContain('HF_TOKEN could be read by others');
});

test('a trainer that prints one: it stands in its own output and nowhere else', async () => {
  house.write('leak', CANARIES.home);
  const told = await night(job('', house.path('leak')));
  expect(told.filter((text) => text.includes(CANARIES.home))).toEqual([]);
  expect(house.holding(all, 'state')).toEqual([]);
  expect(house.holding(all, 'logs').sort()).toEqual([
    'logs/canary/attempt-1.log',
    'logs/canary/attempt-2.log',
  ]);
  expect(JSON.stringify(told)).toContain('token=(redacted)');
  expect(house.read('state/jobs/canary/attempts/1/evidence/log-tail.txt')).toContain(
    'Bearer (redacted)',
  );
});

test('a job that asks for it by name gives it to its trainer, and to nothing else', async () => {
  await house.up();
  await house.queue('canary', job('secrets: [HF_TOKEN]\n'));
  const { trainer_pid } = await house.job('canary', 'a step', ({ step }) => (step ?? 0) > 0);
  expect(read(`/proc/${trainer_pid}/environ`)).toContain(`HF_TOKEN=${CANARIES.HF_TOKEN} `);
  expect(read(`/proc/${trainer_pid}/environ`)).not.toContain(CANARIES.HUGGING_FACE_HUB_TOKEN);
  expect(house.holding(all, 'state')).toEqual([]);
});

test('a job file with a token in it is refused, and the refusal does not repeat it', async () => {
  await house.up();
  const text = `name: x\ncommand: [train, --token, ${CANARIES.login}]\n`;
  const refused = await fetch(`${house.url()}/api/jobs`, {
    method: 'POST',
    body: JSON.stringify({ source: house.path('x.yaml'), text }),
  });
  const said = await refused.text();
  expect(refused.status).toBe(400);
  expect(said).toContain('secrets: [HF_TOKEN]');
  expect(said).not.toContain(CANARIES.login);
  expect(house.holding(all, 'state')).toEqual([]);
});
