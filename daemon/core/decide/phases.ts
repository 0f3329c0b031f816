import { clock, credit, type PhaseClock, type Watch } from '../watch.js';
import { resolve } from './beat.js';
import type { Turn } from './turn.js';

/** Closes the clocks of phases that ended, opens those of new ones, keeps the others running. The
 * same watch when the phases are those that are open already. */
export function withPhases(
  turn: Turn,
  job: string,
  attempt: number,
  before: Watch,
  named: readonly string[],
): Watch {
  const told = before.reports_phases || named.length === 0;
  if (told && isSame(before.open, named)) return before;
  const { mono } = turn.now;
  const ended = before.open.filter((c) => !named.includes(c.name));
  // Of a trainer that leaves phases open, one in which a step was made was over before.
  const most = before.dangles ? 0 : 1;
  for (const closed of ended) if (closed.steps <= most) left(turn, job, attempt, closed);
  const innermost = named.at(-1);
  const inside = innermost === before.open.at(-1)?.name;
  // Each time it is entered, though nothing else was told of in between.
  if (innermost !== undefined && !(inside && turn.job(job)?.progress.phase === innermost)) {
    turn.emit({ type: 'phase_entered', job, attempt, phase: innermost });
  }
  // A suspicion of a phase that has ended is over with it.
  if (ended.some((c) => c.name === before.suspicion?.phase)) resolve(turn, job, 'progress');
  const watch = credit(before, mono);
  // Told after nobody had watched, a phase may have begun long before.
  const entered = before.unsure === 2 ? Number.NaN : mono;
  const opened = (name: string): PhaseClock => ({ ...clock(name, mono), entered });
  return {
    ...watch,
    open: named.map((name) => watch.open.find((c) => c.name === name) ?? opened(name)),
    // One that names only some of its phases may do anything between them.
    reports_phases: named.length > 0,
    idle: null,
    suspicion: turn.watch(job)?.suspicion ?? null,
  };
}

function isSame(open: readonly PhaseClock[], named: readonly string[]): boolean {
  return open.length === named.length && named.every((name, i) => open[i]?.name === name);
}

function left(turn: Turn, job: string, attempt: number, closed: PhaseClock): void {
  // The loop's own clock measures steps; a phase around them, whatever its name, only brackets them.
  // Nothing is learned of a phase during which nobody watched.
  if (closed.name === 'step' || Number.isNaN(closed.entered)) return;
  const seconds = turn.now.mono - closed.entered;
  turn.emit({ type: 'phase_left', job, attempt, phase: closed.name, seconds });
}
