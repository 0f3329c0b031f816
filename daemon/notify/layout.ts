/** One paragraph of a mail; left out where it has no lines. */
export interface Part {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Longest line of text in characters; beyond that mail programs quote and wrap it as they like. */
const WIDTH = 76;

export function sections(parts: readonly Part[]): string {
  return parts
    .filter(({ lines }) => lines.length > 0)
    .map(({ title, lines }) => `${title}\n${lines.map(indented).join('\n')}\n`)
    .join('\n');
}

/** Wrapped at blanks and indented; a word is never broken, since it may be a path to be copied. */
function indented(line: string): string {
  // A row of a table keeps its blanks: it is short, or one long path.
  if (/\S {2,}\S/.test(line) || line.length <= WIDTH - 2) return `  ${line}`;
  const rows: string[] = [];
  for (const word of line.split(/\s+/)) {
    const row = rows.at(-1);
    const room = rows.length <= 1 ? WIDTH - 2 : WIDTH - 4;
    if (row !== undefined && row.length + 1 + word.length <= room)
      rows[rows.length - 1] = `${row} ${word}`;
    else rows.push(word);
  }
  return rows.map((row, i) => `${i === 0 ? '  ' : '    '}${row}`).join('\n');
}

/** `2026-11-23 21:30:05 UTC`: pods run on UTC, and a mail may be read anywhere. */
export function clock(wall: number): string {
  return `${new Date(wall * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
