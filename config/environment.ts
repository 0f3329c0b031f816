import { isScalar, parseDocument } from 'yaml';
import type { z } from 'zod';
import { valueAt } from './path.js';
import { findingsOf } from './phrase.js';
import type { Problem } from './problem.js';
import { keysOf, noteAt, schemaAt } from './shape.js';

const PREFIX = 'NIGHTWARDEN_';

/** Variables of that prefix that are no settings: the home, and what an attempt is told. */
export const RESERVED_VARIABLES: readonly string[] = [
  'NIGHTWARDEN_HOME',
  'NIGHTWARDEN_ATTEMPT',
  'NIGHTWARDEN_ATTEMPT_ID',
  'NIGHTWARDEN_HEARTBEAT_DIR',
];

/** The variable that overrides a key: `http.port` is `NIGHTWARDEN_HTTP__PORT`. */
export function variableName(path: string): string {
  return PREFIX + path.toUpperCase().replaceAll('.', '__');
}

/** The settings the environment gives, as nested data, and who gave each. */
export interface Overrides {
  readonly data: Record<string, unknown>;
  /** Dotted path to the variable that set it. */
  readonly from: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}

/**
 * Reads the overrides out of an environment. Names are matched in any case; values are YAML
 * scalars (`true`, `0.5`, `64MiB`), secrets the text as it stands; an empty value counts as unset.
 * Each variable is judged by itself, so that its problem names it.
 */
export function readEnvironment(schema: z.ZodType, env: NodeJS.ProcessEnv): Overrides {
  const data: Record<string, unknown> = Object.create(null);
  const from = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [name, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!text || !isSetting(name, text)) continue;
    const path = name.slice(PREFIX.length).toLowerCase().split('__');
    const shown = path.join('.');
    const report = (message: string) =>
      problems.push({
        source: `${name} (environment)`,
        line: null,
        column: null,
        path: shown,
        message,
      });
    const section = schemaAt(schema, path);
    const keys = section && keysOf(section);
    const earlier = from.get(shown);
    if (keys) {
      const example = variableName(`${shown}.${Object.keys(keys)[0]}`);
      report(`this is a section. Set one of its keys, for example ${example}.`);
    } else if (earlier !== undefined) {
      report(`${earlier} sets the same key. Keep one of the two.`);
    } else {
      const alone = nest(path, section ? scalar(schema, path, text) : text);
      const result = schema.safeParse(alone);
      const issues = result.success ? [] : result.error.issues;
      const spell = (key: string) => `${variableName(key)} (${key})`;
      for (const finding of findingsOf(schema, alone, issues, spell)) report(finding.message);
      if (issues.length > 0) continue;
      from.set(shown, name);
      graft(data, path, valueAt(alone, path));
    }
  }
  return { data, from, problems };
}

function isSetting(name: string, text: string): boolean {
  const upper = name.toUpperCase();
  if (!upper.startsWith(PREFIX) || RESERVED_VARIABLES.includes(upper)) return false;
  // Kubernetes puts these into every container beside a Service named nightwarden; refusing them
  // would keep the daemon from starting there.
  const ofService = /^NIGHTWARDEN_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))(_\w+)?$/.test(name);
  return !ofService && !(name === 'NIGHTWARDEN_PORT' && text.includes('://'));
}

function scalar(schema: z.ZodType, path: readonly string[], text: string): unknown {
  if (noteAt(schema, path)?.kind === 'secret') return text;
  const doc = parseDocument(text, { prettyErrors: false });
  // What is no scalar in YAML (`*`, `a: b`) can only be meant as text.
  return doc.errors.length === 0 && isScalar(doc.contents) ? doc.contents.value : text;
}

function nest(path: readonly string[], value: unknown): Record<string, unknown> {
  const data: Record<string, unknown> = Object.create(null);
  graft(data, path, value);
  return data;
}

/** Sets `value` at `path`, making the sections on the way. */
export function graft(data: Record<string, unknown>, path: readonly string[], value: unknown) {
  const [first, ...rest] = path;
  if (first === undefined) return;
  if (rest.length === 0) {
    data[first] = value;
    return;
  }
  const section = data[first];
  const below = typeof section === 'object' && section !== null ? section : Object.create(null);
  data[first] = below;
  graft(below as Record<string, unknown>, rest, value);
}
