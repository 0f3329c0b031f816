import type { Cause, EventType } from '../../daemon/core/index.js';
import type { Rng } from '../simulate/rng.js';
import type { Deed, Plan, Program, Tear, When, Whom } from './plan.js';

/** A plan without what is the same for all. */
export type Body = Omit<Plan, 'seed' | 'n' | 'scenario'>;
export type Scenario = (rng: Rng) => Body;

const KILLED: readonly Cause[] = ['crash', 'lost'];

const whole = (rng: Rng, low: number, high: number): number => Math.floor(rng.between(low, high));
const oneOf = <T>(rng: Rng, ...all: readonly T[]): T => all[whole(rng, 0, all.length)] as T;

type Of<K extends Program['kind']> = Extract<Program, { kind: K }>;

function reference(rng: Rng, faults: readonly string[], own: Partial<Of<'reference'>> = {}) {
  const seed = oneOf(rng, 42, 7);
  const pace = { steps: 120, step_seconds: 0.05, save_every: 10 };
  return { kind: 'reference', ...pace, seed, faults, ...own } as const;
}

function python(rng: Rng, faults: readonly string[], own: Partial<Of<'python'>> = {}) {
  const pace = { steps: 120, step_seconds: 0.05, save_every: 20 };
  return { kind: 'python', ...pace, beats: rng.chance(0.5), faults, ...own } as const;
}

function body(program: Program, own: Partial<Body> = {}): Body {
  return {
    program,
    deeds: [],
    settings: {},
    expected: { is: 'identical' },
    causes: [],
    must: [],
    limit_seconds: 150,
    ...own,
  };
}

function randomKill(rng: Rng, steps: number): Deed {
  const whom: readonly Whom[] = oneOf<readonly Whom[]>(
    rng,
    ['trainer'],
    ['trainer'],
    ['shepherd'],
    ['daemon'],
    ['daemon'],
    ['daemon', 'trainer'],
    ['shepherd', 'trainer'],
    ['daemon', 'shepherd', 'trainer'],
  );
  return { what: { do: 'kill', whom, back_ms: whole(rng, 0, 2500) }, when: anInstant(rng, steps) };
}

function anInstant(rng: Rng, steps: number): When {
  if (rng.chance(0.25)) return { at: 'time', after_ms: whole(rng, 0, 4000) };
  return { at: 'step', step: whole(rng, 3, steps - 3), after_ms: whole(rng, 0, 60) };
}

const kills: Scenario = (rng) => {
  const program = rng.chance(0.7) ? reference(rng, []) : python(rng, []);
  const deeds = Array.from({ length: whole(rng, 2, 5) }, () => randomKill(rng, program.steps));
  // Small snapshots: a compaction every few events, and kills in the middle of them.
  const settings = rng.chance(0.4) ? { journal: { compact_bytes: 4096 } } : {};
  return body(program, { deeds, settings, causes: KILLED });
};

const ownFault: Scenario = (rng) => {
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

const hang: Scenario = (rng) =>
  body(reference(rng, [`${oneOf(rng, 'hang', 'hang-deaf')}@${whole(rng, 15, 100)}`]), {
    causes: ['hang'],
    must: ['hang_confirmed', 'evidence_saved'],
  });

const stopped: Scenario = (rng) => {
  const step = whole(rng, 15, 80);
  const when: When = { at: 'step', step, after_ms: whole(rng, 0, 60) };
  const must: readonly EventType[] = ['trainer_continued'];
  if (rng.chance(0.2)) return body(reference(rng, [`stop@${step}`]), { must });
  const program = rng.chance(0.5) ? reference(rng, []) : python(rng, []);
  const whom = oneOf(rng, 'trainer', 'trainer', 'group', 'shepherd');
  const stop: Deed = { what: { do: 'stop', whom }, when };
  // A shepherd alone is only missed when its trainer ends.
  if (whom === 'shepherd') return body(program, { deeds: [stop] });
  const what = { do: 'kill', whom: ['daemon'], back_ms: whole(rng, 0, 2500) } as const;
  const alone: Deed = { what, when: { ...when, after_ms: whole(rng, 0, 900) } };
  return body(program, { deeds: rng.chance(0.3) ? [stop, alone] : [stop], must });
};

/** The trainer hangs while there is no daemon, or one that has just come and saw no step yet. */
const unseenHang: Scenario = (rng) => {
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

/** The daemon, or the whole machine, stands still for longer than any patience; nobody is to blame. */
const frozen: Scenario = (rng) => {
  const step = whole(rng, 15, 80);
  const when: When = { at: 'step', step, after_ms: whole(rng, 0, 60) };
  const what = { do: 'freeze', all: rng.chance(0.5), for_ms: whole(rng, 3000, 14_000) } as const;
  const program = rng.chance(0.5) ? reference(rng, []) : python(rng, []);
  const rival: Deed = { what: { do: 'rival' }, when: { ...when, after_ms: whole(rng, 0, 3000) } };
  return body(program, { deeds: [{ what, when }, ...(rng.chance(0.5) ? [rival] : [])] });
};

/** One daemon after the other dies, some before they are ready. */
const storm: Scenario = (rng) => {
  let after_ms = 0;
  const deeds = Array.from({ length: whole(rng, 4, 7) }, (): Deed => {
    after_ms += whole(rng, 50, 900);
    const what = { do: 'kill', whom: ['daemon'], back_ms: whole(rng, 0, 100) } as const;
    return { what, when: { at: 'time', after_ms } };
  });
  const trainer = rng.chance(0.5) ? [randomKill(rng, 120)] : [];
  const settings = rng.chance(0.4) ? { journal: { compact_bytes: 4096 } } : {};
  return body(reference(rng, []), { deeds: [...deeds, ...trainer], settings, causes: KILLED });
};

const torn: Scenario = (rng) => {
  const strange = rng.chance(0.3);
  const file = strange
    ? oneOf(rng, 'weights.safetensors', 'state.json')
    : oneOf(rng, 'lora.safetensors', 'optimizer.safetensors', 'train_state.json');
  const part = rng.between(0.02, 0.98);
  const how = oneOf<Tear>(
    rng,
    { is: 'cut', part },
    { is: 'zeros', part },
    { is: 'hole', part: part * 0.9 },
    { is: 'missing' },
    { is: 'empty' },
  );
  const when: When = { at: 'step', step: whole(rng, 25, 110), after_ms: whole(rng, 0, 60) };
  const deeds: Deed[] = [{ what: { do: 'tear', file, how, daemon: rng.chance(0.5) }, when }];
  const program = strange ? python(rng, []) : reference(rng, []);
  // What looks whole from outside, the trainer itself finds out at its resume.
  const causes: Cause[] = [...KILLED, 'corrupt'];
  return body(program, { deeds, causes, must: ['checkpoint_quarantined'] });
};

/** Where a second fault meets the recovery from a first, and the ending of a trainer. */
const RECOVERY: readonly EventType[] = ['attempt_ended', 'attempt_starting', 'attempt_started'];
const KILLING: readonly EventType[] = ['evidence_saved', 'trainer_killed', 'attempt_ended'];
const HANG: readonly EventType[] = ['suspicion_raised', 'hang_confirmed', ...KILLING];
const NAN: readonly EventType[] = ['loss_not_finite', 'nan_confirmed', ...KILLING];

const second: Scenario = (rng) => {
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
const killPath: Scenario = (rng) => {
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

/** Busy for ever: patience ends at the ceiling, which the night's own one is too high for here. */
const IMPATIENT = { livelock_seconds: 6, ceilings: { step: 8 } };

const livelock: Scenario = (rng) => {
  const at = whole(rng, 45, 100);
  const program = rng.chance(0.4)
    ? reference(rng, [`livelock@${at}`])
    : python(rng, [`${oneOf(rng, 'livelock', 'gil-spin')}@${at}`]);
  return body(program, { hang: IMPATIENT, causes: ['hang'], must: ['hang_confirmed'] });
};

const nan: Scenario = (rng) => {
  const at = whole(rng, 12, 100);
  const program = rng.chance(0.6) ? reference(rng, [`nan@${at}`]) : python(rng, [`nan@${at}`]);
  return body(program, { causes: ['nan'], must: ['nan_confirmed'] });
};

const fullOutputs: Scenario = (rng) => {
  const when: When = { at: 'step', step: whole(rng, 12, 100), after_ms: whole(rng, 0, 60) };
  return body(reference(rng, []), {
    volume: { folder: 'outputs', mib: 128 },
    deeds: [{ what: { do: 'fill', until: 'job_holding', for_ms: 60_000 }, when }],
    causes: ['disk_full'],
    must: ['job_holding', 'hold_ended'],
  });
};

const fullState: Scenario = (rng) => {
  const step = whole(rng, 12, 80);
  const for_ms = oneOf(rng, whole(rng, 500, 4000), whole(rng, 4000, 12_000));
  const when: When = { at: 'step', step, after_ms: whole(rng, 0, 60) };
  const fill: Deed = { what: { do: 'fill', until: null, for_ms }, when };
  // An attempt that ends meanwhile cannot be followed by another before there is room.
  const faults = rng.chance(0.5) ? [`${oneOf(rng, 'crash', 'kill')}@${step + 3}`] : [];
  const deeds = rng.chance(0.6) ? [fill] : [fill, randomKill(rng, 120)];
  return body(reference(rng, faults), {
    volume: { folder: 'state', mib: 2 },
    deeds,
    causes: [...KILLED, 'disk_full'],
  });
};

const pythonFault: Scenario = (rng) => {
  const kinds = ['segv', 'abort', 'exit0', 'oom', 'orphan', 'crash', 'half-weights', 'no-state'];
  const faults = [`${oneOf(rng, ...kinds)}@${whole(rng, 22, 110)}`];
  const deeds = rng.chance(0.3) ? [randomKill(rng, 120)] : [];
  const causes: Cause[] = [...KILLED, 'exit_early', 'oom', 'corrupt'];
  return body(python(rng, faults), { deeds, causes });
};

const noSpaceSaid: Scenario = (rng) =>
  body(python(rng, [`enospc@${whole(rng, 22, 110)}`]), {
    causes: ['disk_full'],
    must: ['job_holding', 'hold_ended'],
  });

const shell: Scenario = (rng) => {
  const fault = oneOf(rng, 'hang', 'deaf', 'exit0');
  const pace = { steps: 60, step_seconds: 0.05, save_every: 10 };
  const faults = [`${fault}@${whole(rng, 15, 55)}`];
  const causes: Cause[] = fault === 'exit0' ? ['exit_early'] : ['hang'];
  return body({ kind: 'shell', ...pace, faults }, { causes });
};

const ranks: Scenario = (rng) => {
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

const refusal: Scenario = (rng) => {
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
const detect =
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

/** Each as often as it comes in a round of runs. */
export const SCENARIOS: readonly (readonly [name: string, times: number, scenario: Scenario])[] = [
  ['kills', 4, kills],
  ['own-fault', 3, ownFault],
  ['hang', 1, hang],
  ['stopped', 3, stopped],
  ['unseen-hang', 1, unseenHang],
  ['frozen', 1, frozen],
  ['daemon-storm', 2, storm],
  ['torn', 4, torn],
  ['second-fault', 4, second],
  ['kill-path', 1, killPath],
  ['livelock', 1, livelock],
  ['nan', 1, nan],
  ['full-outputs', 1, fullOutputs],
  ['full-state', 2, fullState],
  ['python-fault', 3, pythonFault],
  ['no-space-said', 1, noSpaceSaid],
  ['shell', 1, shell],
  ['ranks', 1, ranks],
  ['refusal', 2, refusal],
  ['detect-0.05', 2, detect(0.05)],
  ['detect-0.5', 2, detect(0.5)],
  ['detect-5', 2, detect(5)],
];
