import { execFileSync } from 'node:child_process';

/**
 * What makes a command die with its parent: under a scheduler nothing may outlive the job, and a
 * process whose parent died belongs to init and to no job (Slurm with proctrack/linuxproc never finds
 * it). Null where util-linux' setpriv (2.33) is missing: then only the daemon's own end is orderly.
 * The signal comes from the kernel (prctl(2), PR_SET_PDEATHSIG), so that even SIGKILL of the parent
 * is seen to; it has to be SIGKILL, since nobody is left to send a second one.
 */
export function tether(): readonly string[] | null {
  try {
    execFileSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore', timeout: 5000 });
    return ['setpriv', '--pdeathsig', 'KILL'];
  } catch {
    // Not installed, or BusyBox', which has no such option.
    return null;
  }
}
