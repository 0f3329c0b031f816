// Faults that meet another fault's recovery.
import type { EventType } from '../../../daemon/core/index.js';
import type { Deed, When } from '../plan.js';
import {
  body,
  KILLED,
  oneOf,
  python,
  randomKill,
  reference,
  type Scenario,
  whole,
} from './parts.js';

/** The trainer hangs while there is no daemon, or one that has just come and saw no step yet. */
export const unseenHang: Scenario = (rng) => {
  const at = whole(rng, 30, 90);
  const fault = `${oneOf(rng, 'hang', 'lock', 'gil', 'deaf')}@${at}`;
  const what = { do: 'kill', whom: ['daemon'], back_ms: whole(rng, 0, 1500) } as const;
  const when: When = { at: 'step', step: at - whole(rng, 1, 20), after_ms: 0 };
  return body(python(rng, [fault]), {
    deeds: [{ what, when }],
    causes: ['hang'],
    must: ['attempt_adopted', 'hang_confirmed', 'evidence_saved'],
  });
};

/** Where a second fault meets the recovery from a first, and the ending of a trainer. */
const RECOVERY: readonly EventType[] = ['attempt_ended', 'attempt_starting', 'attempt_started'];
const KILLING: readonly EventType[] = ['evidence_saved', 'trainer_killed', 'attempt_ended'];
const HANG: readonly EventType[] = ['suspicion_raised', 'hang_confirmed', ...KILLING];
const NAN: readonly EventType[] = ['loss_not_finite', 'nan_confirmed', ...KILLING];

export const second: Scenario = (rng) => {
  const first = oneOf(rng, 'crash', 'hang', 'hang-deaf', 'kill', 'crash-in-save', 'tear', 'nan');
  const verdict = first === 'nan' ? NAN : first.startsWith('hang') ? HANG : null;
  const type = oneOf(rng, ...(verdict ?? RECOVERY));
  const { what } = randomKill(rng, 120);
  const nth = verdict !== null || type === 'attempt_ended' ? 1 : 2;
  const when: When = {
    at: 'event',
    type,
    nth,
    after_ms: oneOf(rng, 0, 0, whole(rng, 0, 40), whole(rng, 0, 900)),
  };
  const third = rng.chance(0.3) ? [randomKill(rng, 120)] : [];
  return body(reference(rng, [`${first}@${whole(rng, 15, 100)}`]), {
    deeds: [{ what, when }, ...third],
    causes: [...KILLED, 'hang', 'nan'],
  });
};

/** The daemon dies in the middle of ending a trainer that is deaf, again and again. */
export const killPath: Scenario = (rng) => {
  const kill = (type: EventType, after_ms: number, nth: number): Deed => ({
    what: { do: 'kill', whom: ['daemon'], back_ms: whole(rng, 0, 1500) },
    when: { at: 'event', type, nth, after_ms },
  });
  const deeds = [
    kill('hang_confirmed', oneOf(rng, 0, whole(rng, 0, 300)), 1),
    kill('evidence_saved', whole(rng, 0, 6000), 1),
  ];
  const fault = oneOf(rng, 'deaf', 'orphan-hang');
  return body(python(rng, [`${fault}@${whole(rng, 22, 90)}`]), {
    deeds,
    causes: ['hang'],
    must: ['hang_confirmed', 'evidence_saved'],
  });
};
