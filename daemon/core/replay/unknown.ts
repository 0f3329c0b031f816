import type { Entry } from '../events.js';
import type { State } from '../state.js';
import type { JobAccount } from './account.js';

/** What the journal does not hold of this night, in words: a replay must not pretend to know it. */
export function unknownOf(
  base: State,
  entries: readonly Entry[],
  end: State,
  jobs: readonly JobAccount[],
): string[] {
  const said: string[] = [];
  const first = entries[0];
  if (first !== undefined && first.seq > base.seq + 1) {
    said.push(
      `It begins at entry ${first.seq}: what was learned and queued before is not in it. Give the whole state folder where there is one.`,
    );
  }
  const strangers = jobs.filter(({ name }) => !Object.hasOwn(end.jobs, name));
  if (strangers.length > 0) {
    const names = strangers.map(({ name }) => name).join(', ');
    said.push(`Nothing can be said of ${names}: queued before this journal begins.`);
  }
  const blind = jobs.reduce((sum, job) => sum + job.blind, 0);
  if (blind > 0) {
    said.push(
      `In ${times(blind)} without progress today's rules would have looked from outside sooner, and what they would have seen was not recorded: a hang may have been confirmed sooner there.`,
    );
  }
  const lost = entries.reduce(
    (sum, entry) => sum + (entry.type === 'journal_gap' ? entry.dropped : 0),
    0,
  );
  if (lost > 0) said.push(`${lost} entries were lost to a full disk.`);
  const deaths = untoldEnds(entries);
  if (deaths > 0) {
    said.push(
      `The daemon ended without a word ${deaths === 1 ? 'once' : `${deaths} times`}: until when it watched before is not known.`,
    );
  }
  if (entries.some(({ type }) => type === 'loss_not_finite' || type === 'nan_confirmed')) {
    said.push('Losses are journalled once a second at most: verdicts on them are not replayed.');
  }
  if (entries.some((entry) => entry.type === 'attempt_ended' && entry.exit?.code !== 0)) {
    said.push(
      'Of the output of attempts that failed the journal holds the one line that told: causes were judged by it alone.',
    );
  }
  return said;
}

/** Daemons followed by another without having said that they stop. */
function untoldEnds(entries: readonly Entry[]): number {
  let alive = false;
  let ends = 0;
  for (const { type } of entries) {
    if (type === 'daemon_started' && alive) ends += 1;
    if (type === 'daemon_started') alive = true;
    if (type === 'daemon_stopping') alive = false;
  }
  return ends;
}

const times = (n: number): string => (n === 1 ? 'one stretch' : `${n} stretches`);
