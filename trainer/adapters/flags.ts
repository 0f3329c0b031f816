/** A value of a trainer's option, from its command line or its configuration file. */
export type Value = string | number | boolean | readonly unknown[] | null;

/** The options of an argparse program. What stands last counts. */
export interface Flags {
  text(name: string): string | null;
  /** A whole number; null where it is none. */
  number(name: string): number | null;
  /** Given at all, and not as `false`. */
  has(name: string): boolean;
}

/**
 * Reads `--name value`, `--name=value` and `--name` of a command line, over the values of a
 * configuration file (by their names with underscores).
 */
export function flagsOf(
  words: readonly string[],
  file: Readonly<Record<string, Value>> = {},
): Flags {
  const given: Record<string, Value> = { ...file };
  for (const [i, word] of words.entries()) {
    const match = /^--([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(word);
    if (match === null) continue;
    const next = words[i + 1];
    const value = match[2] ?? (next !== undefined && !/^--[A-Za-z]/.test(next) ? next : true);
    given[nameOf(match[1] as string)] = value;
  }
  const at = (name: string): Value => given[nameOf(name)] ?? null;
  return {
    text(name) {
      const value = at(name);
      return typeof value === 'string' && value !== '' ? value : null;
    },
    number(name) {
      const value = at(name);
      const figure = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      return typeof figure === 'number' && Number.isSafeInteger(figure) ? figure : null;
    },
    has(name) {
      const value = at(name);
      return value !== null && value !== false && value !== 'false';
    },
  };
}

const nameOf = (name: string): string => name.replaceAll('-', '_');
