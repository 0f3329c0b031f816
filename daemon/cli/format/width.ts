import { stripVTControlCharacters } from 'node:util';

/** Columns a text takes on a terminal: colours none, wide characters two, combining marks none. */
export function width(text: string): number {
  let columns = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) {
    columns += columnsOf(segment);
  }
  return columns;
}

/**
 * The text cut to `columns`, with an ellipsis where something was lost. Colours are kept, and reset
 * behind the cut.
 */
export function truncate(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  if (columns <= 0) return '';
  let used = 0;
  let kept = '';
  let coloured = false;
  for (const [piece] of text.matchAll(PIECES)) {
    if (piece.startsWith('\x1b')) {
      kept += piece;
      coloured = true;
      continue;
    }
    for (const { segment } of graphemes.segment(piece)) {
      if (used + columnsOf(segment) > columns - 1) return `${kept}…${coloured ? RESET : ''}`;
      kept += segment;
      used += columnsOf(segment);
    }
  }
  return kept;
}

/** Filled up with spaces to `columns`; never cut. */
export function pad(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, columns - width(text)));
  return side === 'left' ? text + fill : fill + text;
}

const RESET = '\x1b[0m';
const PIECES = /\x1b\[[0-9;]*m|[^\x1b]+|\x1b/g;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

// East Asian wide and fullwidth blocks, and emoji (Unicode UAX 11, coarsely).
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const INVISIBLE = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;

function columnsOf(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}
