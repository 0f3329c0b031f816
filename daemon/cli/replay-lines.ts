import type { Difference, Fact, Replay } from '../core/index.js';
import { count, duration, type Paint } from './format/index.js';

/** A replayed night for people: what differs, job by job, then the sum and what is not known. */
export function replayLines(replayed: Replay, paint: Paint): string[] {
  const lines: string[] = [];
  for (const { name, recorded, differences } of replayed.jobs) {
    const same = recorded.length - differences.filter((one) => one.recorded !== null).length;
    lines.push(paint('bold', name));
    if (recorded.length === 0 && differences.length === 0) lines.push('  nothing was decided');
    else lines.push(`  ${same} of ${count(recorded.length, 'decision')} the same`);
    for (const difference of differences) lines.push(...differenceLines(difference, paint));
  }
  if (replayed.jobs.length === 0) lines.push('The journal tells of no job.');
  lines.push('', sums(replayed));
  if (replayed.would_be_kills > 0) {
    const kills = count(replayed.would_be_kills, 'time');
    lines.push(
      paint('red', `Today's rules would have killed a trainer that was at work, ${kills}.`),
    );
  }
  for (const unknown of replayed.unknown) lines.push(paint('dim', `Not known: ${unknown}`));
  return lines;
}

function sums(replayed: Replay): string {
  const { events, from, to, false_alarms, false_alarms_gone, kills, kills_gone } = replayed;
  return [
    `${count(events, 'event')} over ${duration(to - from)}`,
    `${count(false_alarms, 'false alarm')}, ${false_alarms_gone} gone`,
    `${count(kills, 'hang')}, ${kills_gone} no longer confirmed`,
  ].join('; ');
}

function differenceLines({ how, seconds, recorded, today }: Difference, paint: Paint): string[] {
  const line = (who: string, fact: Fact | null): string[] =>
    fact === null ? [] : [`    ${who} ${factWords(fact)}`];
  const by = seconds === null ? '' : ` by ${duration(seconds)}`;
  const colour = today?.kind === 'hang' && today.ended_by === 'progress' ? 'red' : 'yellow';
  return [
    `  ${clock((recorded ?? today)?.time ?? 0)}  ${paint(colour, `${how}${by}`)}`,
    ...line('then: ', recorded),
    ...line('today:', today),
  ];
}

function factWords(fact: Fact): string {
  const attempt = `attempt ${fact.attempt}`;
  if (fact.kind === 'ending')
    return `${attempt} ended (${fact.cause}: ${fact.reason}), then ${fact.followed_by}`;
  const { kind, phase, silent_seconds, ended_by } = fact;
  const end = fact.presumed ? 'had all stayed as it was last seen' : ENDED[ended_by];
  return `${attempt}, ${kind} in ${phase} after ${duration(silent_seconds)} (${end})`;
}

const ENDED = {
  progress: 'it then made progress',
  kill: 'it was killed',
  exit: 'it ended by itself',
  rearm: 'its clocks began anew',
  'nothing known': 'what became of it is not told',
} as const;

const clock = (time: number): string => new Date(time * 1000).toTimeString().slice(0, 8);
