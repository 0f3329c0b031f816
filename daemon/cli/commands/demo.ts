import { join } from 'node:path';
import { homePaths, resolveHome } from '../../../config/index.js';
import type { Context } from '../context.js';
import {
  type Account,
  DemoFailed,
  type DemoHomes,
  keepResults,
  NOTHING,
  PLAN,
  runDemo,
  silentShow,
  terminalShow,
} from '../demo/index.js';
import { codeOf, EXIT } from '../errors.js';
import { duration, ratio } from '../format/index.js';
import { takeInterruptions } from '../interruption.js';
import type { AddCommand } from '../program.js';

export const addDemo: AddCommand = (program, action) => {
  program
    .command('demo')
    .description('half a minute of it all: a crash, a hang, a killed daemon, and the same LoRA')
    .option('--keep', 'keep its home, state and logs and all (a home named with --home is kept)')
    .option('--json', 'the account as one JSON object')
    .action(action(demo));
};

const INTRODUCTION = [
  'Two short trainings of the same small LoRA, on the CPU, with the same seed. The first is left in',
  'peace. In the second the trainer crashes, then hangs, and the daemon that watches it is killed.',
  'In the end both files must be equal in every byte.',
  '',
];

async function demo(context: Context, options: { keep?: true; json?: true }): Promise<number> {
  const { out } = context;
  const { signal, release } = takeInterruptions();
  const show = options.json ? silentShow : terminalShow(out);
  const keep = options.keep === true || context.homeOption !== null;
  show.text(...INTRODUCTION);
  try {
    const account = await runDemo({
      home: context.homeOption,
      env: context.env,
      show,
      signal,
      keep,
      onDone: (found, homes) => {
        if (!options.json) tell(context, found, homes, keep);
      },
    });
    if (options.json) out.line(JSON.stringify(account));
    return EXIT.done;
  } catch (error) {
    out.clear();
    if (!options.json || !(error instanceof DemoFailed)) throw error;
    const { message, home, account } = error;
    out.line(JSON.stringify({ ...(account ?? NOTHING), error: message, home }));
    context.err.line(`nightwarden: ${message}`);
    return EXIT.failed;
  } finally {
    release();
  }
}

function tell(context: Context, account: Account, homes: DemoHomes, keep: boolean): void {
  const { out } = context;
  const seconds = (value: number | null) => (value === null ? '-' : duration(value));
  const rows: [string, string][] = [
    ['faults', 'a crash, a hang and a killed daemon, recovered from without a hand'],
    [
      'attempts',
      `${account.attempts}, with ${account.lost_steps} of ${PLAN.steps} steps done twice`,
    ],
    ['hang', `noticed after ${seconds(account.hang_detection_seconds)} without a step`],
    ['recovery', `${seconds(account.recovery_seconds)} from the hang's end to the next new step`],
    [
      'ETTR',
      `${account.ettr === null ? '-' : ratio(account.ettr)} of the time went into new steps`,
    ],
    ['LoRA', out.paint('green', 'equal to the undisturbed one, byte for byte')],
    ['', `sha256 ${account.lora_sha256}`],
    ['time', duration(account.wall_seconds)],
  ];
  out.clear();
  out.line();
  for (const [name, text] of rows) out.line(`  ${out.paint('bold', name.padEnd(9))} ${text}`);
  out.line();
  for (const line of keep ? [`All of it is in ${homes.night}`] : results(context.env, homes)) {
    out.line(line);
  }
  out.line();
  out.line(
    'A training of your own: nightwarden run -- python3 train.py (`nightwarden run --help`).',
  );
}

/** Copies the results to where all results lie, beside the owner's own. */
function results(env: NodeJS.ProcessEnv, homes: DemoHomes): string[] {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const folder = join(homePaths(resolveHome(env)).outputs, `demo-${stamp}`);
  try {
    const files = keepResults(homes, PLAN, folder);
    return [
      `The LoRA and its sample pictures are in ${folder}`,
      ...files.map((name) => `  ${name}`),
    ];
  } catch (error) {
    const why = codeOf(error);
    if (why === undefined) throw error;
    return [`The results could not be copied to ${folder} (${why}); \`demo --keep\` keeps them.`];
  }
}
