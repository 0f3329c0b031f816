// Harm that is done to a healthy trainer, its daemon or its volume.
import type { Cause, EventType } from '../../../daemon/core/index.js';
import type { Deed, Tear, When } from '../plan.js';
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

export const kills: Scenario = (rng) => {
  const program = rng.chance(0.7) ? reference(rng, []) : python(rng, []);
  const deeds = Array.from({ length: whole(rng, 2, 5) }, () => randomKill(rng, program.steps));
  // Small snapshots: a compaction every few events, and kills in the middle of them.
  const settings = rng.chance(0.4) ? { journal: { compact_bytes: 4096 } } : {};
  return body(program, { deeds, settings, causes: KILLED });
};

export const stopped: Scenario = (rng) => {
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

/** The daemon, or the whole machine, stands still for longer than any patience; nobody is to blame. */
export const frozen: Scenario = (rng) => {
  const step = whole(rng, 15, 80);
  const when: When = { at: 'step', step, after_ms: whole(rng, 0, 60) };
  const what = { do: 'freeze', all: rng.chance(0.5), for_ms: whole(rng, 3000, 14_000) } as const;
  const program = rng.chance(0.5) ? reference(rng, []) : python(rng, []);
  const rival: Deed = { what: { do: 'rival' }, when: { ...when, after_ms: whole(rng, 0, 3000) } };
  return body(program, { deeds: [{ what, when }, ...(rng.chance(0.5) ? [rival] : [])] });
};

/** One daemon after the other dies, some before they are ready. */
export const storm: Scenario = (rng) => {
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

export const torn: Scenario = (rng) => {
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

export const fullOutputs: Scenario = (rng) => {
  const when: When = { at: 'step', step: whole(rng, 12, 100), after_ms: whole(rng, 0, 60) };
  return body(reference(rng, []), {
    volume: { folder: 'outputs', mib: 128 },
    deeds: [{ what: { do: 'fill', until: 'job_holding', for_ms: 60_000 }, when }],
    causes: ['disk_full'],
    // Where older checkpoints give enough room for the rest of it, nothing has to wait.
    must: [['job_holding', 'checkpoints_pruned']],
  });
};

export const fullState: Scenario = (rng) => {
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
