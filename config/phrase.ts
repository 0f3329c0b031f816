import { z } from 'zod';
import { nearestKeys } from './nearest.js';
import { type Path, showPath, valueAt } from './path.js';
import { bare, keysOf, knownPaths, noteAt, schemaAt } from './shape.js';

/** One mistake in a person's words, still without the place where it was written. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is wrong (unknown) or its value. */
  readonly which: 'key' | 'value';
  readonly message: string;
}

/**
 * Turns zod's issues into sentences: what was expected (from the schema's own notes), what was
 * given, and the nearest known key for an unknown one.
 *
 * @param nameKey how a known key is spelled in this source, e.g. as an environment variable.
 */
export function findingsOf(
  root: z.core.$ZodType,
  data: unknown,
  issues: readonly z.core.$ZodIssue[],
  nameKey: (path: string) => string = (path) => path,
): Finding[] {
  return issues.flatMap((issue): Finding[] => {
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((name) => ({
        path: [...path, name],
        which: 'key',
        message: unknownKey(root, [...path, name], nameKey),
      }));
    }
    const said = issue.code === 'custom' && issue.params?.['said'] === true;
    const message = said ? issue.message : badValue(root, path, valueAt(data, path));
    return [{ path, which: 'value', message }];
  });
}

function unknownKey(root: z.core.$ZodType, path: Path, nameKey: (path: string) => string): string {
  // The keys beside it too: inside a map of a person's own names no path is known by heart.
  const section = path.slice(0, -1);
  const beside = Object.keys(keysOf(schemaAt(root, section) ?? root) ?? {});
  const known = [
    ...new Set([...knownPaths(root), ...beside.map((name) => showPath([...section, name]))]),
  ];
  const given = showPath(path);
  const near = nearestKeys(given, known);
  if (known.includes(given) && String(path.at(-1)).includes('.')) {
    const [head, ...rest] = given.split('.');
    return `unknown key. Write it in sections: "${head}:" and, indented under it, "${rest.join('.')}".`;
  }
  if (near.length > 0) return `unknown key. Did you mean ${near.map(nameKey).join(' or ')}?`;
  const where = section.length === 0 ? 'at the top level' : `in ${showPath(section)}`;
  return `unknown key. Known ${where}: ${beside.join(', ')}.`;
}

function badValue(root: z.core.$ZodType, path: Path, given: unknown): string {
  const note = noteAt(root, path);
  const expects = note?.expects ?? expectation(schemaAt(root, path));
  if (given === undefined) return `missing. Expected ${expects}.`;
  const hint = note?.hint?.(given) ?? null;
  const shown = note?.kind === 'secret' ? '(not shown)' : show(given);
  return `expected ${expects}, got ${shown}.${hint === null ? '' : ` ${hint}`}`;
}

function expectation(schema: z.core.$ZodType | null): string {
  const inner = schema && bare(schema);
  if (inner instanceof z.ZodArray) return 'a list';
  if (inner instanceof z.ZodObject || inner instanceof z.ZodRecord) {
    const keys = Object.keys(keysOf(inner) ?? {});
    return keys.length > 0 ? `a section with keys such as ${keys[0]}` : 'a section of keys';
  }
  return 'another value';
}

/** A given value as a person wrote it, cut short. */
export function show(given: unknown): string {
  if (given === null) return 'nothing';
  if (Array.isArray(given)) return given.length === 0 ? 'an empty list' : 'a list';
  if (typeof given === 'object') return 'a section';
  if (typeof given !== 'string') return String(given);
  return JSON.stringify(given.length > 60 ? `${given.slice(0, 57)}...` : given);
}
