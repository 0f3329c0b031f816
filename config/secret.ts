import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { z } from 'zod';
import { leafNotes } from './leaves.js';
import { keepSecret } from './redact.js';

/**
 * A password or token. Only `reveal()` gives it; printing, JSON and string concatenation do not,
 * so that no log line, state file or page can carry it by accident; and `redact` knows it from here on.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    keepSecret(value);
  }

  /** The secret itself. Hand it to its one recipient and keep no copy. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '(secret)';
  }

  toJSON(): string {
    return '(secret)';
  }

  [inspect.custom](): string {
    return '(secret)';
  }
}

/**
 * The two keys of a secret, to be spread into a section: `name` is taken from the environment
 * alone, `name_file` names a file that holds it. The loader refuses a literal in a YAML file,
 * since those are copied, committed and shown.
 */
export function secret<const N extends string>(name: N, doc: string) {
  const literal = z
    .string()
    .min(1)
    .transform((value) => new Secret(value))
    .register(leafNotes, { type: 'secret', kind: 'secret', expects: 'a secret' });
  const file = z
    .string()
    .min(1)
    .register(leafNotes, { type: 'text', expects: 'the path of a file' });
  return {
    [name]: literal.nullable().default(null).describe(`${doc} Only by environment.`),
    [`${name}_file`]: file.nullable().default(null).describe(`${doc} The file that holds it.`),
  } as Record<N, z.ZodDefault<z.ZodNullable<typeof literal>>> &
    Record<`${N}_file`, z.ZodDefault<z.ZodNullable<typeof file>>>;
}

/**
 * Reads a secret's file (relative to `folder`); the line end after it is not part of it.
 * Throws what the file system throws, and an Error for an empty file.
 */
export function readSecretFile(folder: string, path: string): Secret {
  const value = readFileSync(resolve(folder, path), 'utf8').replace(/[\r\n]+$/, '');
  if (value === '') throw new Error('the file is empty');
  return new Secret(value);
}
