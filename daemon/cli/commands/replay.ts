import { resolve } from 'node:path';
import { homePaths, loadConfig, resolveHome } from '../../../config/index.js';
import { type Entry, initialState, replay, type State } from '../../core/index.js';
import { readRecording } from '../../journal/index.js';
import type { Context } from '../context.js';
import { usageError } from '../errors.js';
import { count } from '../format/index.js';
import type { AddCommand } from '../program.js';
import { replayLines } from '../replay-lines.js';
import { suggestion } from '../suggestion.js';

export const addReplay: AddCommand = (program, action) => {
  program
    .command('replay')
    .description("what today's rules would have decided of a recorded night")
    .argument('[JOURNAL]', 'a journal.jsonl, a state folder or a home (this home)')
    .option('--job <NAME>', 'this job alone')
    .option('--json', 'as one JSON object')
    .action(action(run));
};

interface Options {
  job?: string;
  json?: true;
}

/** The rules are this program's, the settings those of the home that the command belongs to. */
async function run(context: Context, path: string | undefined, options: Options): Promise<number> {
  const home = resolveHome(context.env);
  const config = loadConfig({ home, env: context.env });
  // Loaded here alone, like all that the light commands can do without.
  const { policyOf } = await import('../../startup/index.js');
  const from = path === undefined ? homePaths(home).state : resolve(context.cwd, path);
  const { base, entries, damaged } = await readRecording<Entry, State>(from);
  const night = { base: base?.state ?? initialState, entries: entries as Entry[] };
  const result = replay(night, policyOf(config), options.job);
  if (options.job !== undefined && result.jobs.length === 0) throw noSuchJob(options.job, night);
  const unreadable = `${count(damaged, 'line')} could not be read and ${damaged === 1 ? 'is' : 'are'} left out.`;
  const unknown = damaged === 0 ? result.unknown : [unreadable, ...result.unknown];
  const whole = { ...result, unknown };
  if (options.json) context.out.line(JSON.stringify(whole));
  else for (const line of replayLines(whole, context.out.paint)) context.out.line(line);
  return 0;
}

function noSuchJob(name: string, { entries }: { entries: readonly Entry[] }): Error {
  const names = [...new Set(entries.flatMap((entry) => ('job' in entry ? [entry.job] : [])))];
  const meant = suggestion(name, names);
  const known = names.length === 0 ? 'It tells of no job.' : `It tells of ${names.join(', ')}.`;
  return usageError(
    `The journal tells of no job named ${name}. ${meant === null ? known : `Did you mean ${meant}?`}`,
  );
}
