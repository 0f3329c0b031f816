// Programs that misbehave by themselves.
import type { Cause } from '../../../daemon/core/index.js';
import type { Program } from '../plan.js';
import {
  type Body,
  body,
  KILLED,
  oneOf,
  python,
  randomKill,
  reference,
  type Scenario,
  whole,
} from './parts.js';

export const ownFault: Scenario = (rng) => {
  const at = () => whole(rng, 3, 110);
  const kinds = [
    'crash',
    'kill',
    'segv',
    'exit0',
    'oom',
    'crash-in-save',
    'grandchild',
    'tear',
    'tear-zero',
  ];
  const faults = [
    `${oneOf(rng, ...kinds)}@${whole(rng, 15, 60)}`,
    `${oneOf(rng, ...kinds)}@${at()}`,
  ];
  const deeds = rng.chance(0.3) ? [randomKill(rng, 120)] : [];
  // Out of memory twice within one stretch would be a stop, as it should be.
  const once = faults.filter((fault, i) => !fault.startsWith('oom') || i === 0);
  return body(reference(rng, once), { deeds, causes: [...KILLED, 'exit_early', 'oom'] });
};

export const hang: Scenario = (rng) =>
  body(reference(rng, [`${oneOf(rng, 'hang', 'hang-deaf')}@${whole(rng, 15, 100)}`]), {
    causes: ['hang'],
    must: ['hang_confirmed', 'evidence_saved'],
  });

/** Busy for ever: patience ends at the ceiling, which the night's own one is too high for here. */
const IMPATIENT = { livelock_seconds: 6, ceilings: { step: 8 } };

export const livelock: Scenario = (rng) => {
  const at = whole(rng, 45, 100);
  const program = rng.chance(0.4)
    ? reference(rng, [`livelock@${at}`])
    : python(rng, [`${oneOf(rng, 'livelock', 'gil-spin')}@${at}`]);
  return body(program, { hang: IMPATIENT, causes: ['hang'], must: ['hang_confirmed'] });
};

export const nan: Scenario = (rng) => {
  const at = whole(rng, 12, 100);
  const program = rng.chance(0.6) ? reference(rng, [`nan@${at}`]) : python(rng, [`nan@${at}`]);
  return body(program, { causes: ['nan'], must: ['nan_confirmed'] });
};

export const pythonFault: Scenario = (rng) => {
  const kinds = ['segv', 'abort', 'exit0', 'oom', 'orphan', 'crash', 'half-weights', 'no-state'];
  const faults = [`${oneOf(rng, ...kinds)}@${whole(rng, 22, 110)}`];
  const deeds = rng.chance(0.3) ? [randomKill(rng, 120)] : [];
  const causes: Cause[] = [...KILLED, 'exit_early', 'oom', 'corrupt'];
  return body(python(rng, faults), { deeds, causes });
};

export const noSpaceSaid: Scenario = (rng) =>
  body(python(rng, [`enospc@${whole(rng, 22, 110)}`]), {
    causes: ['disk_full'],
    must: ['job_holding', 'hold_ended'],
  });

export const shell: Scenario = (rng) => {
  const fault = oneOf(rng, 'hang', 'deaf', 'exit0');
  const pace = { steps: 60, step_seconds: 0.05, save_every: 10 };
  const faults = [`${fault}@${whole(rng, 15, 55)}`];
  const causes: Cause[] = fault === 'exit0' ? ['exit_early'] : ['hang'];
  return body({ kind: 'shell', ...pace, faults }, { causes });
};

export const ranks: Scenario = (rng) => {
  const kind = oneOf(rng, 'lost', 'stopped');
  const pace = { steps: 120, step_seconds: 0.05, save_every: 20 };
  const faults = [`${kind}@${whole(rng, 25, 100)}`];
  return body(
    { kind: 'node', ...pace, faults },
    {
      causes: kind === 'lost' ? ['hang'] : [],
      must: [kind === 'lost' ? 'hang_confirmed' : 'trainer_continued'],
    },
  );
};

export const refusal: Scenario = (rng) => {
  const refused = (cause: Cause, program: Program): Body =>
    body(program, { expected: { is: 'refused', cause }, causes: [cause] });
  return oneOf(
    rng,
    () => refused('permanent', python(rng, [`${oneOf(rng, 'import', 'argument', 'missing')}@0!`])),
    () => refused('exit_early', python(rng, ['exit0@0!'])),
    () => refused('crash', python(rng, ['crash@0!'])),
    () => refused('oom', python(rng, ['oom@35!'])),
    () => refused('nan', python(rng, ['nan@35!'])),
    () => refused('nan', reference(rng, [], { lr: 1e30 })),
  )();
};

/** Detection by itself, nothing else going on. */
export const detect =
  (step_seconds: number): Scenario =>
  (rng) => {
    const kinds = ['lock', 'gil', 'hang', 'deaf', 'stuck-save'];
    const slow = step_seconds >= 1;
    const soon = slow && rng.chance(0.5);
    const at = soon ? [4, 7, 8, 11] : slow ? [10, 13, 14, 19] : [25, 45, 60, 80];
    const [a, b, c, d] = at as [number, number, number, number];
    const [first, next] = [whole(rng, a, b), whole(rng, c, d)];
    const steps = soon ? 12 : slow ? 20 : 100;
    const faults = [
      `${oneOf(rng, ...kinds)}@${first}`,
      `${oneOf(rng, ...kinds.slice(0, 4))}@${next}`,
    ];
    const pace = { steps, step_seconds, save_every: slow ? 2 : 10 };
    return body(python(rng, faults, pace), {
      causes: ['hang'],
      must: ['hang_confirmed', 'evidence_saved'],
      limit_seconds: 150 + steps * step_seconds * 2,
    });
  };
