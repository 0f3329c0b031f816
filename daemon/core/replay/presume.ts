import { asIfTicked, type Core, decide, nextLook } from '../decide/index.js';
import type { Event, EventOf } from '../events.js';
import type { Idle, Outside } from '../idle.js';
import type { Policy } from '../policy.js';
import type { Now } from '../time.js';

const POLL = 0.25;
/** No ceiling is longer than this by default, and nobody waits longer in the morning (seconds). */
const HORIZON = 24 * 3600;

export interface Presumed {
  readonly event: EventOf<'suspicion_raised' | 'hang_confirmed'>;
  /** From now on. */
  readonly seconds: number;
}

/**
 * What today's rules would yet have decided on a process that the night killed now, up to a hang, had
 * it stayed as it was last seen: nobody knows what it would have done. Ends after a day.
 */
export function presume(core: Core, job: string, now: Now, policy: Policy): Presumed[] {
  const { state } = core;
  const found: Presumed[] = [];
  let at = core;
  let { mono } = now;
  while (mono - now.mono < HORIZON) {
    const clocks = { mono, wall: now.wall + mono - now.mono };
    const seconds = mono - now.mono;
    const ticked = decide(at, { is: 'tick' }, clocks, policy);
    at = { ...ticked.core, state };
    const events: Event[] = [...ticked.events];
    for (const command of ticked.commands) {
      const idle = at.watches[job]?.idle ?? null;
      if (command.do !== 'observe' || command.job !== job || idle === null) continue;
      const { attempt } = command;
      const seen = { ...asLastSeen(idle, mono), is: 'outside', job, attempt } as const;
      const looked = decide(at, seen, clocks, policy);
      at = { ...looked.core, state };
      events.push(...looked.events);
    }
    for (const event of events) {
      if (!isDoubt(event) || event.job !== job) continue;
      found.push({ event, seconds });
      if (event.type === 'hang_confirmed') return found;
    }
    const next = Math.max(nextLook(at, clocks, policy, 'anything'), mono + POLL);
    at = asIfTicked(at, { mono: next - POLL, wall: now.wall + next - POLL - now.mono });
    mono = next;
  }
  return found;
}

function isDoubt(event: Event): event is Presumed['event'] {
  return event.type === 'suspicion_raised' || event.type === 'hang_confirmed';
}

/** It goes on doing nothing, or using a core. */
function asLastSeen({ last, quiet }: Idle, mono: number): Omit<Outside, 'at'> {
  const { at, ...seen } = last;
  return quiet ? seen : { ...seen, cpu_seconds: seen.cpu_seconds + mono - at };
}
