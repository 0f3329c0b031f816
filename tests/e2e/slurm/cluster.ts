import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../house.js';

const PROGRAMS = [
  'munged',
  'munge',
  'slurmctld',
  'slurmd',
  'sbatch',
  'scontrol',
  'scancel',
  'sinfo',
];

/** What keeps a cluster from being started here, in words; null where nothing does. */
export function lacking(): string | null {
  if (process.getuid?.() !== 0) return 'only root can start slurmd';
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  return missing.length === 0 ? null : `${missing.join(', ')} not installed (slurm-wlm, munge)`;
}

function isInstalled(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const WITHIN_SECONDS = 30;

/** A Slurm of one node, on loopback and on ports, sockets and folders of its own. */
export class Cluster {
  private readonly children: ChildProcess[] = [];
  private said = '';

  private constructor(private readonly dir: string) {}

  static async start(): Promise<Cluster> {
    const cluster = new Cluster(mkdtempSync(join(tmpdir(), 'nw-slurm-')));
    try {
      await cluster.begin();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw new Error(`${(error as Error).message}; Slurm said: ${cluster.said.slice(-2000)}`);
    }
  }

  /** Hands a batch script over; its output goes to `log`. Returns the number of the job. */
  async submit(script: string, log: string, env: Record<string, string> = {}): Promise<string> {
    const words = ['--parsable', '--requeue', '--open-mode=append', `--output=${log}`, script];
    return (await this.run('sbatch', words, env)).trim();
  }

  async run(command: string, args: readonly string[], env = {}): Promise<string> {
    const { NODE_OPTIONS: _ours, ...rest } = process.env;
    const all = { ...rest, ...this.env, ...env };
    return (await promisify(execFile)(command, args, { env: all })).stdout;
  }

  /** The fields of `scontrol show job`. */
  async job(id: string): Promise<Record<string, string>> {
    const text = await this.run('scontrol', ['--oneliner', 'show', 'job', id]);
    return Object.fromEntries(
      text.split(/\s+/).flatMap((word) => {
        const at = word.indexOf('=');
        return at < 0 ? [] : [[word.slice(0, at), word.slice(at + 1)]];
      }),
    );
  }

  /** Waits until the job is as `wanted`. */
  async until(id: string, what: string, wanted: (job: Record<string, string>) => boolean) {
    let last: Record<string, string> = {};
    await until(
      `${what} of job ${id}`,
      async () => {
        last = await this.job(id);
        return wanted(last);
      },
      WITHIN_SECONDS,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; last: ${JSON.stringify(last)}`);
    });
    return last;
  }

  async stop(): Promise<void> {
    for (const child of [...this.children].reverse()) {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        const last = setTimeout(() => child.kill('SIGKILL'), 5000);
        await gone;
        clearTimeout(last);
      }
    }
    // The steps of jobs belong to nobody by then.
    for (const pid of this.left()) process.kill(pid, 'SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Processes that carry this cluster in their environment. */
  left(): number[] {
    const mark = `SLURM_CONF=${this.conf}`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((name) => {
        try {
          return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark);
        } catch {
          // Gone since.
          return false;
        }
      })
      .map(Number);
  }

  private get conf(): string {
    return join(this.dir, 'slurm.conf');
  }

  private get env(): Record<string, string> {
    return { SLURM_CONF: this.conf };
  }

  private async begin(): Promise<void> {
    for (const name of ['munge', 'state', 'spool'])
      mkdirSync(join(this.dir, name), { mode: 0o711 });
    writeFileSync(join(this.dir, 'munge/key'), randomBytes(1024), { mode: 0o600 });
    const [control, node] = await freePorts();
    writeFileSync(this.conf, configuration(this.dir, control, node));
    const socket = join(this.dir, 'munge/sock');
    const at = (name: string) => join(this.dir, 'munge', name);
    this.spawn('munged', [
      ...['-F', '--force', `--key-file=${at('key')}`, `--socket=${socket}`],
      ...[`--pid-file=${at('pid')}`, `--log-file=${at('log')}`, `--seed-file=${at('seed')}`],
    ]);
    await this.answers('munge', ['-S', socket, '-n'], () => true);
    this.spawn('slurmctld', ['-D', '-i']);
    this.spawn('slurmd', ['-D']);
    await this.answers('sinfo', ['-h', '-o', '%t'], (state) => state.trim() === 'idle');
  }

  private async answers(command: string, args: string[], wanted: (out: string) => boolean) {
    await until(
      `an answer of ${command}`,
      () => this.run(command, args).then(wanted, () => false),
      WITHIN_SECONDS,
    );
  }

  private spawn(command: string, args: readonly string[]): void {
    const path = `${process.env['PATH']}:/usr/sbin`;
    const { NODE_OPTIONS: _ours, ...rest } = process.env;
    const env = { ...rest, ...this.env, PATH: path };
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (chunk: Buffer) => {
      this.said = (this.said + chunk.toString()).slice(-8000);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', (error) => take(Buffer.from(`${command}: ${error.message}\n`)));
    this.children.push(child);
  }
}

/** Exit statuses 33 and 34 requeue, 93 holds; a job that is told to go is given KillWait. */
const configuration = (
  dir: string,
  control: number,
  node: number,
): string => `ClusterName=nightwarden
SlurmctldHost=localhost(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=${control}
SlurmdPort=${node}
AuthInfo=socket=${dir}/munge/sock,cred_expire=5
SlurmUser=root
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/spool
SlurmctldPidFile=${dir}/slurmctld.pid
SlurmdPidFile=${dir}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MailProg=/bin/true
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
KillWait=20
RequeueExit=33,34
RequeueExitHold=93
NodeName=localhost NodeAddr=127.0.0.1 CPUs=16 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES
`;

/** Two that are free just now. */
async function freePorts(): Promise<[number, number]> {
  const servers = await Promise.all(
    [0, 1].map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports as [number, number];
}
