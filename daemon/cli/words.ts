import { usageError } from './errors.js';

/**
 * Splits a text into words as a shell does, without its expansions: blanks part words, quotes hold
 * them together, a backslash takes the next character as it is.
 * Throws a usage error for a quote that is not closed.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (char === '\\' && at + 1 < text.length) {
      at += 1;
      word = (word ?? '') + text[at];
    } else if (char === '"' || char === "'") {
      const end = text.indexOf(char, at + 1);
      if (end < 0) throw usageError(`The quote ${char} is not closed in: ${text}`);
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else {
      word = (word ?? '') + char;
    }
  }
  return word === null ? words : [...words, word];
}
