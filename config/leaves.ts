import { z } from 'zod';
import { formatBytes, parseBytes, secondsMeant } from './units.js';

/** What a leaf of the schema says about itself, for error messages and for the key table. */
export interface LeafNote {
  /** Short name of its type, for the table. */
  readonly type: string;
  /** Finishes the sentence "expected …". */
  readonly expects: string;
  /** `word`: numbers and booleans are taken as the text that was written; `secret`: never shown. */
  readonly kind?: 'bytes' | 'word' | 'secret';
  /** A remedy for one given value, as a sentence of its own. */
  readonly hint?: (given: unknown) => string | null;
}

/** Notes travel beside the schemas, so that zod's own wording never reaches a person. */
export const leafNotes = z.registry<LeafNote>();

/**
 * The longest wait a setting may ask for, in seconds. Node's timers hold 2^31 - 1 ms; beyond
 * that they fire at once, which would turn a very patient setting into a very nervous one.
 */
export const MAX_SECONDS = 2_000_000;

/** A whole number between two bounds, both included. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return z
    .int()
    .min(min)
    .max(max)
    .register(leafNotes, { type: 'whole number', expects: `a whole number ${range}` });
}

/** A number of at least `min`. */
export function atLeast(min: number) {
  return z
    .number()
    .min(min)
    .register(leafNotes, { type: 'number', expects: `a number of at least ${min}` });
}

/** A duration in seconds from `min` up to MAX_SECONDS. Keys of this kind end in `_seconds`. */
export function seconds(min = 0) {
  return z
    .number()
    .min(min)
    .max(MAX_SECONDS)
    .register(leafNotes, {
      type: 'seconds',
      expects: `a number of seconds from ${min} to ${MAX_SECONDS}`,
      hint: (given) => {
        const meant = secondsMeant(given);
        return meant === null ? null : `Write ${meant}, without a unit.`;
      },
    });
}

/** A size; the value comes out in bytes. Keys of this kind end in `_bytes`. */
export function bytes(min = 1) {
  return z
    .union([z.number(), z.string()])
    .refine((given) => (parseBytes(given) ?? -1) >= min)
    .transform((given) => parseBytes(given) ?? 0)
    .register(leafNotes, {
      type: 'size',
      kind: 'bytes',
      expects: `a size of at least ${formatBytes(min)} such as 64MiB, 2GB or a number of bytes`,
      hint: (given) =>
        typeof given === 'string' && /^[\d.]+\s*[kmgt]$/i.test(given.trim())
          ? `Write ${given.trim()}iB for powers of 1024 or ${given.trim()}B for powers of 1000.`
          : null,
    });
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z
    .enum(words)
    .register(leafNotes, { type: words.join(' | '), expects: `one of ${words.join(', ')}` });
}

/** Text of at least one character; `what` finishes the sentence "expected …". */
export function text(what = 'text') {
  return z.string().min(1).register(leafNotes, { type: 'text', expects: what });
}

/** Text where a person naturally writes a number or a boolean: an argument, a variable. */
export function word(what = 'text') {
  return z.string().register(leafNotes, { type: 'text', kind: 'word', expects: what, hint: quote });
}

/** `{checkpoint}` without quotes is a map in YAML, and `*.ckpt` a reference. */
function quote(given: unknown): string | null {
  if (given === null) return "Write '' for an empty text.";
  return typeof given === 'object'
    ? "If it is meant as text, put it in quotes: '{checkpoint}'."
    : null;
}

/** `true` or `false`. */
export function flag() {
  return z.boolean().register(leafNotes, { type: 'true | false', expects: 'true or false' });
}

/** Adds a complete sentence of ours to a zod check; it is shown as it stands. */
export function say(ctx: z.RefinementCtx, message: string, path: (string | number)[] = []): void {
  ctx.addIssue({ code: 'custom', message, path, params: { said: true } });
}

/** A key of a section: its type, its default and the one line the table says about it. */
export function key<T extends z.ZodType>(
  schema: T,
  fallback: z.util.NoUndefined<z.output<T>>,
  doc: string,
): z.ZodDefault<T> {
  return schema.default(fallback).describe(doc);
}
