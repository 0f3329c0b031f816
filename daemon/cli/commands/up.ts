import { dropSecrets } from '../../../config/index.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../errors.js';
import { takeInterruptions } from '../interruption.js';
import { readJobFile } from '../job-file.js';
import { isActive } from '../jobs.js';
import { liveLine } from '../live-line.js';
import type { AddCommand } from '../program.js';
import { SpeedMeter } from '../speed.js';

export const addUp: AddCommand = (program, action) => {
  program
    .command('up')
    .description('run the daemon in the foreground; Ctrl-C ends it and leaves the training running')
    .option('--takeover', 'ask a daemon that holds this home to make way')
    .option('--demo-if-empty', 'queue a small demo job where no job was ever queued')
    .option('--job <FILE>', 'see to it that this job is done: queue it, or resume it')
    .option('--json', 'a JSON object when the daemon is ready and one when it has ended')
    .action(action(up));
};

interface Options {
  takeover?: true;
  demoIfEmpty?: true;
  job?: string;
  json?: true;
}

async function up(context: Context, options: Options): Promise<number> {
  const home = context.ownHome();
  const { out, err } = context;
  const job = options.job === undefined ? null : readJobFile(options.job, home, context);
  // Before the daemon is loaded: a signal during the start must find a handler. A laptop that is
  // closed takes its terminal along, and that is no reason to leave a training unwatched.
  const { signal, release } = takeInterruptions('ignored');
  const interrupted = untilAborted(signal);
  // The daemon has its own copy; nvidia-smi, py-spy and whatever else it starts inherit this one.
  dropSecrets(process.env);
  try {
    // Loaded here alone, so that the light commands start fast.
    const { startDaemon } = await import('../../main.js');
    const live = out.isTerminal && err.isTerminal && !options.json;
    const daemon = await startDaemon({
      home,
      env: context.env,
      takeover: options.takeover === true,
      demoIfEmpty: options.demoIfEmpty === true,
      ...(job === null ? {} : { job }),
      foreground: !live,
    }).catch((error) => {
      throw inWords(error);
    });
    const { pid } = process;
    if (options.json) out.line(JSON.stringify({ ready: true, pid, url: daemon.url, home }));
    const hide = live ? await show(context, daemon) : () => {};
    const why = await Promise.race([daemon.stopped, interrupted]);
    hide();
    const running = daemon.engine.status().jobs.some(isActive);
    await daemon.stop(why);
    const code = daemon.exitCode();
    if (options.json) out.line(JSON.stringify({ ready: false, pid, stopped: why }));
    else if (code !== EXIT.done) err.line(`The daemon has ended: ${why}.`);
    else {
      const rest =
        'The training goes on; `nightwarden up` takes it up again, `nightwarden stop` ends it.';
      err.line(running ? rest : 'The daemon has ended; no training was running.');
    }
    return code;
  } finally {
    release();
  }
}

type Daemon = Awaited<ReturnType<typeof import('../../main.js')['startDaemon']>>;

const REDRAW_MS = 250;

/** Sentences of what happens and below them the running job, redrawn. Gives what ends that. */
async function show({ out }: Context, daemon: Daemon): Promise<() => void> {
  const { journalToLog } = await import('../../log/index.js');
  out.line(
    `Nightwarden watches (pid ${process.pid}, ${daemon.url}). Ctrl-C leaves the training running.`,
  );
  const colours = { error: 'red', warn: 'yellow', info: null, debug: null } as const;
  const unsubscribe = daemon.engine.subscribe((entry) => {
    const sentence = journalToLog(entry);
    if (sentence === null || sentence.level === 'debug') return;
    const colour = colours[sentence.level];
    const clock = new Date(entry.time * 1000).toTimeString().slice(0, 8);
    out.line(
      `${clock}  ${colour === null ? sentence.message : out.paint(colour, sentence.message)}`,
    );
  });
  const speed = new SpeedMeter();
  const timer = setInterval(() => {
    const job = daemon.engine.status().jobs.find(isActive);
    if (job === undefined) return out.clear();
    return out.live(liveLine(job, speed.update(job), Date.now() / 1000, out.paint));
  }, REDRAW_MS);
  return () => {
    clearInterval(timer);
    unsubscribe();
    out.clear();
  };
}

function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(`received ${signal.reason}`), { once: true });
  });
}

/** Another daemon at work is the one mistake worth telling apart from the rest here. */
function inWords(error: Error & { holder?: { pid: number } | null }): Error {
  if (error.name !== 'LockHeld' || !error.holder) return error;
  return new CliError(
    `A daemon (pid ${error.holder.pid}) watches over this home already. \`nightwarden status\` shows what it does, \`nightwarden up --takeover\` takes its place, --home DIR names another home.`,
    EXIT.usage,
  );
}
