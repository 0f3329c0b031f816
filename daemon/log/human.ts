import { describeError } from './json-line.js';
import { redact } from './redact.js';
import type { LogRecord } from './types.js';

/** What the sentence of a journal entry says already; see sentences.ts. */
const SAID = new Set(['event', 'seq', 'job', 'attempt']);

const COLOURS: Record<LogRecord['level'], number> = {
  fatal: 31,
  error: 31,
  warn: 33,
  info: 32,
  debug: 90,
};

/** One line for people, without its newline: local time, level, scope, message, key=value. A fatal
 * error's stack follows on lines of its own. */
export function humanLine(record: LogRecord, colour: boolean): string {
  const { level, message, at, scope, fields } = record;
  const name = colour ? `\u001b[${COLOURS[level]}m${level}\u001b[0m` : level;
  const facts = Object.entries(fields)
    .filter(([key]) => !SAID.has(key))
    .map(([key, value]) => `${key}=${inline(value)}`);
  const head = `${clock(at)} ${name}${' '.repeat(5 - level.length)} `;
  const text = [scope === '' ? '' : `${scope}:`, oneLine(message), ...facts]
    .filter(Boolean)
    .join(' ');
  return redact(head + text + stackOf(record));
}

function stackOf({ level, fields }: LogRecord): string {
  const error = fields['error'];
  if (level !== 'fatal' || !(error instanceof Error) || error.stack === undefined) return '';
  const frames = error.stack.split('\n').slice(1).map(oneLine);
  return frames.map((frame) => `\n${frame}`).join('');
}

function clock(at: number): string {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

function inline(value: unknown): string {
  if (value instanceof Error) {
    const { code, message } = describeError(value);
    return JSON.stringify(code === undefined ? message : `${code}: ${message}`);
  }
  if (typeof value === 'string')
    return /^[\w./:@%+-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return oneLine(JSON.stringify(value) ?? String(value));
  } catch (error) {
    return `(unprintable: ${oneLine(String(error))})`;
  }
}

/** Reasons quote a trainer's output: its escape sequences must not reach the terminal, nor its line
 * breaks make lines that look like ours. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => {
    if (char === '\n') return '\\n';
    if (char === '\t') return ' ';
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
