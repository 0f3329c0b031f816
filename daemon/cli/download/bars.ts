import {
  type FileProgress,
  formatSize,
  type Progress,
  rateOf,
  totals,
} from '../../tasks/download/index.js';
import { duration, type Paint, pad, truncate, width } from '../format/index.js';

const BAR_COLUMNS = 24;
const NAME_COLUMNS = 40;

/**
 * The lines that are redrawn while a download runs: one for each file under way, one for the whole.
 * @param now seconds, of the clock that the progress was folded with
 */
export function barLines(progress: Progress, now: number, columns: number, paint: Paint): string[] {
  const { files, note } = progress;
  const shown = files.filter(({ state }) => state === 'fetching' || state === 'proving');
  const names = Math.min(NAME_COLUMNS, Math.max(5, ...shown.map(({ file }) => width(file))));
  const lines = shown.map((file) => fileLine(file, names, paint));
  if (files.length > 0) lines.push(totalLine(progress, now, names, paint));
  if (note !== null) lines.push(paint('dim', note));
  return lines.map((line) => truncate(line, columns - 1));
}

function fileLine(file: FileProgress, names: number, paint: Paint): string {
  const name = pad(truncate(file.file, names), names);
  if (file.state === 'proving') return `${name}  reading it, to be sure that it is the right one`;
  return `${name}  ${bar(file.bytes, file.size, paint)}  ${amounts(file.bytes, file.size)}`;
}

function totalLine(progress: Progress, now: number, names: number, paint: Paint): string {
  const { bytes, size } = totals(progress);
  const head = `${pad('total', names)}  ${bar(bytes, size, paint)}  ${amounts(bytes, size)}`;
  return [paint('bold', head), ...speed(progress, now)].join('  ');
}

/** `142 MB/s`, `12 s left`. */
export function speed(progress: Progress, now: number): string[] {
  const { bytes, size } = totals(progress);
  const rate = rateOf(progress, now);
  if (rate === null || rate < 1 || bytes >= size) return [];
  return [`${formatSize(rate)}/s`, `${duration((size - bytes) / rate)} left`];
}

export const amounts = (bytes: number, size: number): string =>
  `${formatSize(bytes)} of ${formatSize(size)}`;

function bar(bytes: number, size: number, paint: Paint): string {
  const full = size === 0 ? BAR_COLUMNS : Math.floor((bytes / size) * BAR_COLUMNS);
  return paint('green', '━'.repeat(full)) + paint('dim', '─'.repeat(BAR_COLUMNS - full));
}
