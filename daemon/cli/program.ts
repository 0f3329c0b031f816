import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot, redact } from '../../config/index.js';
import { addDeliver } from './commands/deliver.js';
import { addDemo } from './commands/demo.js';
import { addDownload } from './commands/download.js';
import { addHook } from './commands/hook.js';
import { addLogs } from './commands/logs.js';
import { addMail } from './commands/mail.js';
import { addPublish } from './commands/publish.js';
import { addQueue } from './commands/queue.js';
import { addReplay } from './commands/replay.js';
import { addResume } from './commands/resume.js';
import { addRun } from './commands/run.js';
import { addStatus } from './commands/status.js';
import { addStop } from './commands/stop.js';
import { addUp } from './commands/up.js';
import { type Context, makeContext, type Surroundings } from './context.js';
import { codeOf, EXIT, explain, usageError } from './errors.js';
import { onBrokenPipe } from './interruption.js';

/** Adds one command to the program. `action` wraps what the command does. */
export type AddCommand = (program: Command, action: Action) => void;

/** Makes a commander action of a function that gets the context and gives the exit code. */
export type Action = <A extends unknown[]>(
  run: (context: Context, ...args: A) => Promise<number>,
) => (...args: A) => Promise<void>;

const COMMANDS: readonly AddCommand[] = [
  addUp,
  addRun,
  addStatus,
  addLogs,
  addStop,
  addResume,
  addQueue,
  addMail,
  addReplay,
  addDownload,
  addDeliver,
  addPublish,
  addDemo,
  addHook,
];

/**
 * The `nightwarden` command. Gives its exit code; every error is told on stderr in words, and as
 * `{error}` on stdout too where --json was asked for. NIGHTWARDEN_DEBUG=1 adds the stack.
 */
export async function runCli(argv: readonly string[], around: Surroundings): Promise<number> {
  around.stdout.on('error', (error) => {
    if (!READER_GONE.has(codeOf(error) ?? '')) throw error;
    onBrokenPipe();
  });
  around.stderr.on('error', () => {}); // there is nobody left to tell
  // What stands behind `--` belongs to the program that is to be run, whatever it looks like.
  const dashes = argv.indexOf('--');
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const rest = dashes < 0 ? null : argv.slice(dashes + 1);
  let code: number = EXIT.done;
  const program = new Command();
  const action: Action = (run) => {
    return async (...args) => {
      const { home } = program.opts<{ home?: string }>();
      const context = makeContext(around, home, rest);
      const takesRest = program.args[0] === 'run' || program.args[0] === 'hook';
      if (rest !== null && !takesRest) {
        throw usageError('Only `nightwarden run -- CMD…` takes a command behind --.');
      }
      code = await run(context, ...args);
    };
  };
  build(program, action, around);
  try {
    await program.parseAsync([...own], { from: 'user' });
    return code;
  } catch (error) {
    return fail(error, own.includes('--json'), around);
  }
}

/** A pipe without a reader, a terminal that was closed. */
const READER_GONE: ReadonlySet<string> = new Set(['EPIPE', 'EIO']);

function build(program: Command, action: Action, around: Surroundings): void {
  program
    .name('nightwarden')
    .description('Watches over LoRA trainings: notices crashes and hangs, and resumes.')
    .version(version(), '--version', 'print the version')
    .option('--home <DIR>', 'the home of state, logs and outputs (NIGHTWARDEN_HOME)')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void around.stdout.write(text),
      // Errors are told in one place, with their exit code; see fail().
      writeErr: (text) => void around.stderr.write(text),
      outputError: () => {},
    })
    .addHelpText('after', EXIT_CODES);
  for (const add of COMMANDS) add(program, action);
}

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 33 bad host: try another machine,
93 gave up: running it again will not mend it.`;

function fail(error: unknown, json: boolean, around: Surroundings): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    // Help shown because no command was given counts as bad usage, and needs no second message.
    if (error.code === 'commander.help') return EXIT.usage;
    const message = `${sentence(error.message)}\nSee \`nightwarden --help\`.`;
    return tell(message, EXIT.usage, json, around);
  }
  if (around.env['NIGHTWARDEN_DEBUG'] === '1' && error instanceof Error) {
    around.stderr.write(`${redact(error.stack ?? error.message)}\n`);
  }
  const { message, code } = explain(error);
  return tell(message, code, json, around);
}

function tell(said: string, code: number, json: boolean, around: Surroundings): number {
  const message = redact(said);
  around.stderr.write(`nightwarden: ${message}\n`);
  if (json) around.stdout.write(`${JSON.stringify({ error: message })}\n`);
  return code;
}

/** commander: `error: unknown command 'stauts'\n(Did you mean status?)`. */
function sentence(message: string): string {
  const text = message.replace(/^error: /, '').replace(/\n\((Did you mean .*\?)\)$/, '. $1');
  return /[.?]$/.test(text) ? text : `${text}.`;
}

function version(): string {
  const manifest = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
