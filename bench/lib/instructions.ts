import { spawnSync } from 'node:child_process';

/** Instructions that a command executes, counted by valgrind: the same whatever else the machine does,
 * but for hashes that differ from run to run, which are fixed here. Throws where it cannot be run. */
export function instructions(command: readonly string[], env: NodeJS.ProcessEnv): number {
  const counting = ['--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null'];
  const { error, stderr } = spawnSync('valgrind', [...counting, ...command], {
    env: { ...env, PYTHONHASHSEED: '0', OMP_NUM_THREADS: '1' },
    encoding: 'utf8',
  });
  if (error !== undefined) throw new Error(`valgrind is needed: ${error.message}`);
  const told = /I\s+refs:\s+([\d,]+)/.exec(stderr)?.[1];
  if (told === undefined) throw new Error(`valgrind: ${stderr.slice(-500)}`);
  return Number(told.replaceAll(',', ''));
}
