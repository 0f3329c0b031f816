import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { escapeGlob } from '../checkpoints/index.js';
import { ConfigFile } from './config-file.js';
import { AdapterError } from './errors.js';
import { refuseOwnKeys, textOption } from './own-keys.js';
import { oneTrainerLines } from './progress-lines.js';
import { pythonEnv } from './python.js';
import type { Adapter, Resume } from './types.js';

/** OneTrainer by its command line; a SIGINT makes it back up, save and end. */
export const oneTrainer: Adapter = (job, context) => {
  refuseOwnKeys(job, ['heartbeat', 'remedies']);
  const path = resolve(job.cwd, textOption(job, 'config') ?? '');
  const config = new ConfigFile(path, 'with.config');
  if (config.text('backup_after_unit') === 'NEVER') {
    throw new AdapterError(
      'with.config',
      `backup_after_unit other than NEVER in ${path}`,
      'Without backups there is nothing to resume from. Write for example "backup_after": 10, "backup_after_unit": "MINUTE".',
    );
  }
  const workspace = resolve(job.cwd, config.needed('workspace_dir'));
  const final = resolve(job.cwd, config.needed('output_model_destination'));
  const epochs = config.number('epochs') ?? 100;
  return {
    trainer: 'onetrainer',
    argv: ['./run-cmd.sh', 'train', '--config-path', path],
    cwd: job.cwd,
    env: pythonEnv(job, context),
    heartbeat: job.heartbeat,
    log: oneTrainerLines(epochs),
    checkpoints: {
      glob: `${escapeGlob(workspace)}/backup/*-backup-*`,
      step: '-backup-(?<step>\\d+)-\\d+-\\d+$',
      needs: ['meta.json'],
    },
    resume: resumeOf(job.cwd, path),
    remedies: job.remedies,
    // Ended by SIGINT it saves and exits with 0 as well: only the last step tells the two apart.
    done: { step: null, artefact: final, since: (context.now ?? Date.now)(), total: true },
    stop_signal: 'SIGINT',
  };
};

/** Since July 2026 a value can be given on the command line; before, only in the file itself. */
function resumeOf(root: string, path: string): Resume {
  const args = join(root, 'modules', 'util', 'args', 'TrainArgs.py');
  const takesValues = existsSync(args) && readFileSync(args, 'utf8').includes('config-value');
  if (takesValues) return { args: ['--config-value', 'continue_last_backup=true'] };
  // Written beside the file, which its relative paths may count from, and given in its place.
  const own = `${path.replace(/\.json$/, '')}.nightwarden-resume.json`;
  return { args: ['--config-path', own], around: ['/bin/sh', '-c', CONTINUED, path, own] };
}

const CONTINUED = [
  "python3 -c 'import json, os, sys",
  'with open(sys.argv[1]) as f: c = json.load(f)',
  'c["continue_last_backup"] = True',
  'with open(sys.argv[2] + ".tmp", "w") as f: json.dump(c, f, indent=4)',
  'os.replace(sys.argv[2] + ".tmp", sys.argv[2])\' "$0" "$1" && shift && exec "$@"',
].join('\n');
