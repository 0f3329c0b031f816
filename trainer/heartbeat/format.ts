/** A heartbeat file's content, docs/heartbeat.md; absent facts null. */
export interface Heartbeat {
  readonly attempt: number;
  readonly pid: number;
  readonly rank: number;
  readonly seq: number;
  /** Unix seconds. */
  readonly time: number;
  readonly step: number | null;
  readonly total_steps: number | null;
  readonly epoch: number | null;
  /** NaN where the trainer said "nan" or "inf". */
  readonly loss: number | null;
  readonly phases: readonly OpenPhase[] | null;
}

export interface OpenPhase {
  readonly name: string;
  /** Unix seconds. */
  readonly since: number;
}

export type Parsed =
  | {
      readonly ok: true;
      readonly beat: Heartbeat;
      /** Optional fields that were left out because they could not be read. */
      readonly doubts: readonly Problem[];
    }
  | ({ readonly ok: false } & Problem);

export interface Problem {
  /** What it is about: the same for every beat that has it, whatever the value. */
  readonly about: string;
  /** The field, what was expected of it and what it was. */
  readonly problem: string;
}

/**
 * Reads one heartbeat. Without a sound `v`, `attempt`, `pid`, `seq` or `time` it says nothing; a
 * field that is optional is left out when it is unsound, since the rest still counts. `fileRank`: the
 * rank in the file's name, for a beat that does not tell its own.
 */
export function parseHeartbeat(text: string, fileRank = 0): Parsed {
  const value = jsonOf(text);
  if (value === undefined)
    return refuse('JSON', 'not a JSON object; write a temporary file and rename it');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse('object', `expected one JSON object, got ${shown(value)}`);
  const o = value as Record<string, unknown>;
  if (o['v'] !== 1) return refuse('v', `v: expected 1, got ${shown(o['v'])}`);
  for (const key of ['attempt', 'pid', 'seq'] as const) {
    if (!Number.isSafeInteger(o[key]))
      return refuse(key, `${key}: expected a whole number, got ${shown(o[key])}`);
  }
  if (typeof o['time'] !== 'number')
    return refuse('time', `time: expected Unix seconds, got ${shown(o['time'])}`);
  const doubts: Problem[] = [];
  const optional = <T>(key: string, expected: string, read: (v: unknown) => T | undefined) => {
    if (o[key] === undefined || o[key] === null) return null;
    const sound = read(o[key]);
    if (sound !== undefined) return sound;
    doubts.push({ about: key, problem: `${key}: expected ${expected}, got ${shown(o[key])}` });
    return null;
  };
  const count = (key: string) => optional(key, 'a number that is not negative', countOf);
  const beat: Heartbeat = {
    attempt: o['attempt'] as number,
    pid: o['pid'] as number,
    rank: count('rank') ?? fileRank,
    seq: o['seq'] as number,
    time: o['time'],
    step: count('step'),
    total_steps: count('total_steps'),
    epoch: count('epoch'),
    loss: optional('loss', 'a number, "nan" or "inf"', lossOf),
    phases: optional('phases', 'a list of {name, since}, outermost first', phasesOf),
  };
  return { ok: true, beat, doubts };
}

function refuse(about: string, problem: string): Parsed {
  return { ok: false, about, problem };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** JSON knows no NaN, but Python's json.dumps writes it bare, and so would a trainer whose loss is
 * lost: that beat must not be. */
const BARE = /([:[,]\s*)(-?(?:NaN|Infinity))(?=\s*[,}\]])/g;

function jsonOf(text: string): unknown {
  for (const attempt of [text, text.replace(BARE, '$1"$2"')]) {
    try {
      return JSON.parse(attempt);
    } catch {
      // Told by the caller, in words that are the same for every beat.
    }
  }
  return undefined;
}

/** A fraction is cut off: some trainers count epochs in them. */
function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? Math.floor(value) : undefined;
}

function lossOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : Number.NaN;
  const lost = typeof value === 'string' && /^[-+]?(nan|inf(inity)?)$/i.test(value);
  return lost ? Number.NaN : undefined;
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
