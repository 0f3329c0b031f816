import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { homePaths } from '../../../config/index.js';
import { ensureDaemon } from '../background.js';
import { type Client, findClient, NoAnswer } from '../client.js';
import { shellEnv } from '../command-job.js';
import type { Context } from '../context.js';
import { EXIT, explain } from '../errors.js';
import { exitCodeOf } from '../exit-code.js';
import { takeInterruptions } from '../interruption.js';
import { isActive, isOver } from '../jobs.js';
import { readStatus } from '../read-status.js';
import { passOn } from './pass-on.js';
import { NOT_OURS } from './stand-in.js';

/** How often the daemon is asked whether the training is over, and for how long it may be away. */
const ASK_EVERY_MS = 500;
const AWAY_MS = 10_000;

/**
 * A training that FluxGym's page starts: queued in the daemon, its output passed on as it comes, its
 * end told by the exit status. Whatever happens to this process, the training goes on; the same one
 * started again is followed, not doubled.
 */
export async function launchForFluxgym(
  context: Context,
  home: string,
  root: string,
  words: readonly string[],
): Promise<number> {
  const { err } = context;
  const note = (text: string): void => err.line(`nightwarden: ${text}`);
  const name = nameOf(words);
  let from: number;
  try {
    const client = await ensureDaemon(home, context.env, () => note('starting the daemon'));
    const { jobs } = await client.status();
    const before = jobs.find((job) => job.name === name);
    const living = before !== undefined && !isOver(before);
    from = living ? Math.max(1, before.attempt) : (before?.attempt ?? 0) + 1;
    if (living) note(`${name} is in training already; this is its output`);
    else {
      const other = jobs.find(isActive);
      if (other !== undefined) note(`${other.name} is in training; ${name} waits for its end`);
      const source = join(root, 'nightwarden-hook.yaml');
      await client.queue(source, jobText(name, root, words, context.env));
    }
  } catch (error) {
    note(explain(error).message);
    if (await mayRun(home, name, error)) {
      note(`${name} may be in training already: it is not started a second time`);
      return EXIT.failed;
    }
    // FluxGym's user wants a training more than a supervisor.
    note('the training runs without supervision');
    return NOT_OURS;
  }
  return follow(context, home, name, from);
}

/** Whether a trainer of this name may be alive though the daemon did not say so: it may have taken the
 * job and not have answered in time, or be dead while its trainer goes on. */
async function mayRun(home: string, name: string, error: unknown): Promise<boolean> {
  if (error instanceof NoAnswer) return true;
  if (!existsSync(homePaths(home).state)) return false;
  try {
    return (await readStatus(home)).jobs.some((job) => job.name === name && !isOver(job));
  } catch {
    return true; // nobody knows
  }
}

async function follow(context: Context, home: string, name: string, from: number): Promise<number> {
  const { out, err } = context;
  const { signal, release } = takeInterruptions();
  const ended = endOf(context, home, name);
  try {
    await passOn(home, name, from, {
      write: (bytes) => out.write(bytes),
      onAttempt: (attempt) => err.line(`\nnightwarden: ${name}, attempt ${attempt}`),
      signal,
      over: async () => (await ended()) !== null,
    });
    const end = await ended();
    if (end !== null) return end;
    err.line(`nightwarden: ${name} goes on without this window`);
    return EXIT.failed;
  } finally {
    release();
  }
}

/** The exit code of the job's end, null before it; a daemon that is gone for long is started again. */
function endOf(context: Context, home: string, name: string): () => Promise<number | null> {
  let asked = Number.NEGATIVE_INFINITY;
  let seen = performance.now();
  let end: number | null = null;
  return async () => {
    const now = performance.now();
    if (end !== null || now - asked < ASK_EVERY_MS) return end;
    asked = now;
    try {
      const client = await clientOf(context, home, now - seen > AWAY_MS);
      const job = (await client?.status())?.jobs.find((each) => each.name === name);
      if (client !== null) seen = now;
      if (job !== undefined && (isOver(job) || exitCodeOf(job) !== null)) end = exitCodeOf(job);
    } catch (error) {
      context.err.line(`nightwarden: ${explain(error).message}`);
    }
    return end;
  };
}

async function clientOf(context: Context, home: string, start: boolean): Promise<Client | null> {
  return findClient(home) ?? (start ? await ensureDaemon(home, context.env) : null);
}

/** The job is called as FluxGym calls the LoRA. */
function nameOf(words: readonly string[]): string {
  const at = words.findIndex((word) => /^--output_name(=|$)/.test(word));
  const [, given = words[at + 1] ?? ''] = /^--output_name=(.*)$/.exec(words[at] ?? '') ?? [];
  const plain = given.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
  return (at < 0 ? '' : plain.replace(/^[^a-z0-9]+/, '').slice(0, 100)) || 'fluxgym';
}

/** Each press of the page's button is a training of its own: an earlier one is not gone on from. */
function jobText(
  name: string,
  root: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): string {
  return stringify({
    name,
    trainer: 'fluxgym',
    cwd: root,
    command: [...words],
    env: shellEnv(env),
    with: { fresh: true },
  });
}
