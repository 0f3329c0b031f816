import { z } from 'zod';
import { leafNotes, say } from './leaves.js';

/**
 * A regular expression that captures a number: a group named as one of `names`, else the first
 * group. The output is its source; it compiles with `new RegExp(source)`.
 */
export function pattern(names: readonly [string, ...string[]], example: string) {
  return z
    .string()
    .min(1)
    .superRefine((source, ctx) => {
      const fault = patternFault(source, names, example);
      if (fault) say(ctx, fault);
    })
    .register(leafNotes, {
      type: 'regular expression',
      expects: `a regular expression such as '${example}'`,
    });
}

/** The names of a regular expression's groups, and how many groups there are in all. */
function groupsOf(source: string): { count: number; names: string[] } {
  // An empty alternative matches everything, so that the match lists every group.
  const match = new RegExp(`${source}|`).exec('');
  return { count: (match?.length ?? 1) - 1, names: Object.keys(match?.groups ?? {}) };
}

function patternFault(
  source: string,
  wanted: readonly [string, ...string[]],
  example: string,
): string | null {
  try {
    new RegExp(source);
  } catch (error) {
    const why = (error as Error).message.replace(/^Invalid regular expression: /, '');
    const python = /\(\?P</.test(source)
      ? ` Write (?<${wanted[0]}>…) instead of (?P<${wanted[0]}>…).`
      : '';
    return `expected a regular expression, got one that does not compile (${why}).${python}`;
  }
  const { count, names } = groupsOf(source);
  if (count === 0) {
    return `expected a group in parentheses around the number, such as '${example}', got '${source}'.`;
  }
  if (names.length > 0 && !wanted.some((name) => names.includes(name))) {
    return `expected a group named ${wanted.join(' or ')} among the named groups (${names.join(', ')}). Write (?<${wanted[0]}>…).`;
  }
  return null;
}
