import { resolve } from 'node:path';
import { AdapterError } from './errors.js';
import type { Adapter } from './types.js';

/** Any program, run, watched and resumed exactly as the job file says. */
export const command: Adapter = (job) => {
  if (!job.command?.[0]) {
    throw new AdapterError(
      'command',
      'a list of words that begins with a program',
      'Write for example command: [python3, train.py].',
    );
  }
  const options = Object.keys(job.with);
  if (options.length > 0) {
    throw new AdapterError(
      `with.${options[0]}`,
      'no options for trainer: command',
      'Write them as words of command.',
    );
  }
  const { artefact } = job.done;
  return {
    trainer: 'command',
    argv: [...job.command],
    cwd: job.cwd,
    env: { ...readableOutput, ...job.env },
    heartbeat: job.heartbeat,
    log: job.log,
    checkpoints: job.checkpoints,
    resume: job.resume,
    remedies: job.remedies,
    done: { step: job.done.step, artefact: artefact === null ? null : resolve(job.cwd, artefact) },
  };
};

/**
 * Python buffers its output in blocks once it goes to a file, so that the last lines before a hang
 * would be missing; rich's log handler wraps at 80 columns, which tears the lines progress is
 * read from.
 */
const readableOutput: Readonly<Record<string, string>> = {
  PYTHONUNBUFFERED: '1',
  COLUMNS: '400',
};
