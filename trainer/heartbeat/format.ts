/** A heartbeat file's content, docs/heartbeat.md; absent facts null. */
export interface Heartbeat {
  readonly attempt: number;
  readonly pid: number;
  readonly rank: number;
  readonly seq: number;
  readonly time: number;
  readonly step: number | null;
  readonly total_steps: number | null;
  readonly epoch: number | null;
  readonly loss: number | null;
  readonly phases: readonly OpenPhase[] | null;
}

export interface OpenPhase {
  readonly name: string;
  /** Unix seconds. */
  readonly since: number;
}

export type Parsed =
  | { readonly ok: true; readonly beat: Heartbeat }
  | { readonly ok: false; readonly problem: string };

/** Reads one heartbeat; a problem names the field and what was expected of it. */
export function parseHeartbeat(text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return problem(`not JSON (${(error as Error).message}); write a temporary file and rename it`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return problem('expected one JSON object');
  const o = value as Record<string, unknown>;
  if (o['v'] !== 1) return problem(`v: expected 1, got ${JSON.stringify(o['v'])}`);
  for (const key of ['attempt', 'pid', 'seq'] as const) {
    if (!Number.isInteger(o[key]))
      return problem(`${key}: expected a whole number, got ${JSON.stringify(o[key])}`);
  }
  if (typeof o['time'] !== 'number')
    return problem(`time: expected Unix seconds, got ${JSON.stringify(o['time'])}`);
  const phases = o['phases'] == null ? null : phasesOf(o['phases']);
  if (phases === undefined)
    return problem('phases: expected a list of {name, since}, outermost first');
  return {
    ok: true,
    beat: {
      attempt: o['attempt'] as number,
      pid: o['pid'] as number,
      rank: whole(o['rank']) ?? 0,
      seq: o['seq'] as number,
      time: o['time'],
      step: whole(o['step']),
      total_steps: whole(o['total_steps']),
      epoch: whole(o['epoch']),
      loss: numberOrNaN(o['loss']),
      phases,
    },
  };
}

function problem(text: string): Parsed {
  return { ok: false, problem: text };
}

function whole(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? Math.floor(value)
    : null;
}

/** JSON has no NaN: Python's json writes a bare NaN, which JSON.parse refuses, so writers send the
 * string "nan"; it must arrive as one, since a NaN loss is news. */
function numberOrNaN(value: unknown): number | null {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^[-+]?(nan|inf(inity)?)$/i.test(value) ? Number.NaN : null;
}

function phasesOf(value: unknown): OpenPhase[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const phases: OpenPhase[] = [];
  for (const item of value) {
    const { name, since } = (item ?? {}) as { name?: unknown; since?: unknown };
    if (typeof name !== 'string' || name === '') return undefined;
    phases.push({ name, since: typeof since === 'number' ? since : 0 });
  }
  return phases;
}
