import type { Ending } from './classify.js';
import type { LastWords } from './last-words.js';
import { isTransient, OLDER, PATTERNS, type Pattern, tellsOfNetwork } from './patterns.js';

type Said = Pick<Ending, 'tail' | 'stepped' | 'resumed_from'>;

/** What of the output tells the cause. */
export interface Match {
  readonly pattern: Pattern;
  readonly line: string;
}

/** The words that tell why an attempt ended; null where none do. */
export function findPattern(end: Said, words: LastWords): Match | null {
  const { exit, closing, final, raised, error } = words;
  // A process that is killed says nothing: what it said before, it had outlived.
  if (exit?.signal === 'SIGKILL') return null;
  // Before all else: the Hub's client takes a network that is away for a file that is missing.
  if (isNetworkAway(end, words)) return null;
  // What a signal ended had not failed over an argument or a file.
  const early = !end.stepped && (exit === null || exit.signal === null);
  const told = search([error], early);
  if (told !== null) return ofCheckpoint(told, end.resumed_from);
  // A driver's own words are more than what was said around them.
  if (isTransient(error)) return null;
  const around = (early ? search(final, true) : null) ?? search(closing, false);
  if (around !== null) return ofCheckpoint(around, end.resumed_from);
  return raised ? search(end.tail, false) : null;
}

/** The match nearest to the end. `early`: with the patterns of a failed start among them. */
function search(lines: readonly string[], early: boolean): Match | null {
  for (const text of [...lines].reverse()) {
    const line = text.trim();
    const pattern = PATTERNS.find((one) => (early || !one.early) && one.line.test(line));
    if (pattern !== undefined) return { pattern, line: clip(line) };
  }
  return null;
}

/** What a checkpoint lacks is no mistake in the job file; what cannot be loaded where none was given is
 * a file of somebody else's. */
function ofCheckpoint({ pattern, line }: Match, checkpoint: string | null): Match {
  if (pattern.cause === 'permanent' && isAbout(line, checkpoint))
    return { line, pattern: { ...pattern, cause: 'corrupt', remedy: OLDER } };
  if (pattern.cause === 'corrupt' && checkpoint === null)
    return { line, pattern: { ...pattern, remedy: FETCH_AGAIN } };
  return { pattern, line };
}

const FETCH_AGAIN =
  'A file that it loads is damaged: fetch the models it names again, and look at the files of its dataset.';

/** `Can't load tokenizer for …` is what transformers makes of it after having warned. */
const CANNOT_LOAD = /Can't load .+ for '/;

/** Before the first step, and by its last words, it ended for want of a network. */
export function isNetworkAway(end: Said, { exit, final, raised, error }: LastWords): boolean {
  if (end.stepped || exit === null || exit.code === null) return false;
  if (tellsOfNetwork(error)) return true;
  if (CANNOT_LOAD.test(error)) return end.tail.some(tellsOfNetwork);
  return !raised && final.slice(-3).some(tellsOfNetwork);
}

/** A trainer killed between two files of a save leaves a folder whose files are each whole. Which of
 * them its next attempt misses only the attempt itself can tell. */
function isAbout(text: string, checkpoint: string | null): boolean {
  if (checkpoint === null) return false;
  const name = checkpoint.slice(checkpoint.lastIndexOf('/') + 1);
  // `step-10` is no part of the name `step-100`.
  return text.split(name).some((after, i) => i > 0 && !/^\w/.test(after));
}

/** The error, or where none looks like one the last thing that was said. */
export const lastLine = ({ error, final }: LastWords): string =>
  error || (final.findLast((line) => line.trim() !== '')?.trim() ?? '');

export function clip(text: string): string {
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
