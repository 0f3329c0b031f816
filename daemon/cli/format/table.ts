import { pad, width } from './width.js';

export interface Column {
  readonly title: string;
  /** Numbers stand at the right of their column. */
  readonly side: 'left' | 'right';
}

/** A row of cells, or a line of its own that stands under the row before it and widens no column. */
export type Row = readonly string[] | string;

/** The lines of a table, its columns as wide as their widest cell and two spaces apart. */
export function table(columns: readonly Column[], rows: readonly Row[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.filter((row) => typeof row !== 'string'),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => width(row[i] ?? ''))));
  const line = (row: readonly string[]) =>
    columns
      .map(({ side }, i) => pad(row[i] ?? '', widths[i]!, side))
      .join('  ')
      .trimEnd();
  return [columns.map(({ title }) => title), ...rows].map((row) =>
    typeof row === 'string' ? row : line(row),
  );
}
