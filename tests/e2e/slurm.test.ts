import { chmodSync, cpSync, existsSync } from 'node:fs';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals';
import { processesNaming } from '../cli/helpers/cli-process.js';
import { CLI, House, program, until } from './house.js';
import { Cluster, lacking } from './slurm/cluster.js';

const CONFIG = `checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }
kill: { grace_seconds: 0.5 }
`;
const JOB = `name: batch
command: [sh, -c, 'exec python3 stranger.py --steps 60 --step-seconds $(cat pace) "$@"', sh]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }
resume: { args: [--resume, '{checkpoint}'] }
done: { step: 60, artefact: out/final.json }
`;
/** Seconds a step takes; slow enough not to be over before it was looked at. */
const [FAST, SLOW] = ['0.02', '0.4'];

jest.setTimeout(120_000);

const why = lacking();
if (why !== null) console.warn(`A real Slurm is left out: ${why}.`);

(why === null ? describe : describe.skip)('as a batch job of a real Slurm', () => {
  let cluster: Cluster;
  let house: House;
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.stop());
  beforeEach(() => {
    house = new House(CONFIG);
    house.write('work/.keep', '');
    cpSync(program('stranger.py'), house.path('work/stranger.py'));
    house.write('job.yaml', JOB);
    house.write('work/pace', FAST);
  });
  afterEach(() => house.demolish());

  const submit = (env: Record<string, string> = {}): Promise<string> => {
    const words = [process.execPath, CLI, 'up', '--home', house.home, '--job'];
    const line = [...words, house.path('job.yaml')].map((word) => `'${word}'`).join(' ');
    const script = house.write('batch.sh', `#!/bin/sh\nexec ${line}\n`);
    return cluster.submit(script, house.path('slurm.log'), env);
  };

  const script = (text: string) =>
    house.write('job.yaml', `name: batch\ncommand: [sh, -c, '${text}']\ncwd: work\n`);

  /** What ended each attempt, by the journal. */
  const causes = (): string[] =>
    house
      .read('state/journal.jsonl')
      .split('\n')
      .filter((line) => line.includes('"attempt_ended"'))
      .map((line) => (JSON.parse(line) as { cause: string }).cause);

  const saved = () =>
    house.job('batch', 'a checkpoint', ({ checkpoint }) => (checkpoint?.step ?? 0) >= 10);

  test('finished: COMPLETED with status 0', async () => {
    const id = await submit();
    const job = await cluster.until(id, 'the end', ({ JobState }) => JobState === 'COMPLETED');
    expect(job).toMatchObject({ ExitCode: '0:0', Restarts: '0' });
    expect(existsSync(house.path('work/out/final.json'))).toBe(true);
  });

  test('gave up: held as SPECIAL_EXIT, for a requeue will not mend it', async () => {
    script('exec no-such-trainer');
    const id = await submit();
    const job = await cluster.until(
      id,
      'being held',
      ({ JobState }) => JobState === 'SPECIAL_EXIT',
    );
    expect(job['Restarts']).toBe('1');
    expect(house.read('slurm.log')).toContain('exit code 93');
    await cluster.run('scancel', [id]);
  });

  test('the GPU has fallen off: requeued, for another node to take it', async () => {
    const path = `${house.path('bin')}:${process.env['PATH']}`;
    const smi = house.write('bin/nvidia-smi', LOST_GPU);
    chmodSync(smi, 0o755);
    script('touch lost; echo "RuntimeError: CUDA error: unspecified launch failure"; exit 1');
    const id = await submit({ PATH: path, LOST: house.path('work/lost') });
    await cluster.until(id, 'a requeue', ({ Restarts }) => Restarts === '1');
    await cluster.run('scancel', [id]);
    expect(house.read('slurm.log')).toContain('exit code 33');
    expect(causes()).toEqual(['host_bad']);
  });

  test('scancel: the trainer goes with the job, and nothing of it is left', async () => {
    house.write('work/pace', SLOW);
    const id = await submit();
    const { trainer_pid } = await saved();
    await cluster.run('scancel', [id]);
    await cluster.until(id, 'the end', ({ JobState }) => JobState === 'CANCELLED');
    await until('the end of the trainer', () => !existsSync(`/proc/${trainer_pid}`));
    await until('the end of all else', () => processesNaming(house.home).length === 0);
  });

  test('a requeue goes on from the last checkpoint, and costs no budget', async () => {
    house.write('work/pace', SLOW);
    const id = await submit();
    await saved();
    house.write('work/pace', FAST);
    await cluster.run('scontrol', ['requeue', id]);
    const job = await cluster.until(id, 'the end', ({ JobState }) => JobState === 'COMPLETED');
    expect(job['Restarts']).toBe('1');
    const lives = house.read('work/trace.jsonl').match(/"from": \d+/g);
    expect(lives).toHaveLength(2);
    expect(Number(lives?.[1]?.split(' ')[1])).toBeGreaterThanOrEqual(10);
    expect(causes()).toEqual(['preempted', 'done']);
  });
});

/** There until the trainer has touched a file, and from then on as nvidia-smi tells of one that is gone. */
const LOST_GPU = `#!/bin/sh
if [ -e "$LOST" ]; then
  echo 'Unable to determine the device handle for GPU0000:01:00.0: Unknown Error'
  exit 255
fi
case "$*" in
*--loop-ms*) exec sleep 600 ;;
*--query-gpu=uuid,memory.used*) echo 'GPU-5e21, 1000' ;;
*--query-gpu=uuid*) echo 'GPU-5e21' ;;
esac
`;
