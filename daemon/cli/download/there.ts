import { noProgress, type Progress } from '../../tasks/download/index.js';
import { type Client, type DownloadView, findClient, NoAnswer } from '../client.js';
import type { DownloadFlags } from '../commands/download.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { pause } from '../wait.js';
import { Show } from './show.js';

const POLL_MS = 250;
/** How long a vanished daemon may stay away: it goes on with the download when it is back. */
const PATIENCE_MS = 120_000;

/** Has the daemon download, and follows it. Null when we were interrupted: the daemon goes on. */
export async function runThere(
  client: Client,
  options: {
    readonly context: Context;
    readonly home: string;
    readonly models: readonly string[];
    readonly flags: DownloadFlags;
    readonly signal: AbortSignal;
  },
): Promise<Progress | null> {
  const { context, home, models, flags, signal } = options;
  const id = await client.download({
    models,
    cache: flags.cache ?? false,
    replace: flags.replace ?? false,
  });
  const show = new Show(flags.json ? context.err : context.out);
  let seen = performance.now();
  try {
    while (await pause(POLL_MS, signal)) {
      const view = await look(home, id);
      if (view === null) {
        if (performance.now() - seen > PATIENCE_MS) throw gone();
        continue;
      }
      seen = performance.now();
      if (view.progress !== null) show.update(view.progress, view.now ?? 0);
      if (view.state !== 'running') return ended(view);
    }
    return null;
  } finally {
    show.end();
  }
}

/** Null while there is no daemon to ask. */
async function look(home: string, id: string): Promise<DownloadView | null> {
  try {
    return (await findClient(home)?.downloadNamed(id)) ?? null;
  } catch (error) {
    if (error instanceof NoAnswer) return null;
    throw error;
  }
}

function ended({ state, reason, remedy, progress }: DownloadView): Progress {
  const known = progress ?? noProgress;
  if (state === 'finished' || known.failures.length > 0) return known;
  const why =
    state === 'stopped' ? 'The download was stopped.' : (reason ?? 'The download failed.');
  const failure = { model: '', kind: state, reason: why, remedy: remedy ?? '' };
  return { ...known, failures: [failure] };
}

const gone = (): CliError =>
  new CliError(
    'The daemon did not come back. `nightwarden up` goes on with the download; so does this command, without it.',
  );
