import { join } from 'node:path';
import { packageFile } from '../../trainer/process/package-file.js';
import { referenceEntry, referenceImages } from '../../trainer/reference/index.js';
import type { Plan, Program } from './plan.js';

export const JOB = 'chaos';

/** Steps that take no time, for a run that nothing befalls. */
const AT_ONCE = 0.001;

interface Invocation {
  readonly argv: readonly string[];
  /** Where its result lies, below the folder it works in. */
  readonly artefact: string;
}

/** The program with its folder `cwd`: as the plan has it, or left in peace and in a hurry. */
export function invocation(program: Program, cwd: string, inPeace: boolean): Invocation {
  const seconds = String(inPeace ? AT_ONCE : program.step_seconds);
  const faults = inPeace ? [] : program.faults;
  const steps = String(program.steps);
  const every = String(program.save_every);
  const script = (name: string) => packageFile(`bench/chaos/programs/${name}`);
  switch (program.kind) {
    case 'reference':
      return {
        argv: [
          ...[process.execPath, referenceEntry(), '--data', referenceImages()],
          ...['--out', join(cwd, JOB), '--name', JOB, '--steps', steps, '--save-every', every],
          ...['--sample-every', '0', '--rank', '8', '--alpha', '8', '--seed', String(program.seed)],
          ...(program.lr === undefined ? [] : ['--lr', String(program.lr)]),
        ],
        artefact: `${JOB}/${JOB}.safetensors`,
      };
    case 'python':
      return {
        argv: [
          ...['python3', script('trainer.py'), '--steps', steps, '--step-seconds', seconds],
          ...['--save-every', every, ...(program.beats ? ['--beats'] : [])],
          ...faults.flatMap((fault) => ['--fault', fault]),
        ],
        artefact: 'out/final.safetensors',
      };
    case 'shell':
      return {
        argv: ['/bin/sh', script('trainer.sh'), steps, seconds, every, faults[0] ?? 'none@0'],
        artefact: 'out/final.json',
      };
    case 'node':
      return {
        argv: [process.execPath, script('ranks.mjs'), steps, seconds, every, faults[0] ?? 'none@0'],
        artefact: 'out/final.json',
      };
  }
}

/** The job file of a plan (JSON, which is YAML). `work`: the folder that scripts work in. */
export function jobFile({ program, hang }: Plan, work: string): string {
  const own = hang === undefined ? {} : { hang };
  const { steps, save_every, step_seconds, faults } = program;
  if (program.kind === 'reference') {
    const { seed, lr } = program;
    const options = { steps, save_every, sample_every: 0, step_ms: step_seconds * 1000, seed };
    return JSON.stringify({
      name: JOB,
      trainer: 'reference',
      with: { ...options, ...(lr === undefined ? {} : { lr }), faults: [...faults] },
      ...own,
    });
  }
  const { argv, artefact } = invocation(program, work, false);
  const beats = program.kind === 'node' || (program.kind === 'python' && program.beats);
  return JSON.stringify({
    name: JOB,
    command: argv,
    cwd: work,
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    heartbeat: beats ? 'file' : 'log',
    log: { step: 'step (\\d+)/(\\d+)', loss: 'loss=(\\S+)' },
    checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)$' },
    resume: { args: ['--resume', '{checkpoint}'] },
    done: { step: steps, artefact },
    ...own,
  });
}
