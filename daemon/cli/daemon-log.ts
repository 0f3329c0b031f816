import type { Paint } from './format/index.js';

/**
 * A line of logs/nightwarden.jsonl for people: local date and time, level, scope, message and what
 * else it holds as key=value. A line that is none of ours is shown as it stands. Text in and out is
 * latin1 as the file readers here hand it on.
 */
export function humanLogLine(line: string, paint: Paint): string {
  const record = parse(Buffer.from(line, 'latin1').toString('utf8'));
  if (record === null) return line;
  const { time, level, scope, message, ...fields } = record;
  const facts = Object.entries(fields)
    .filter(([key]) => !SAID.has(key))
    .map(([key, value]) => `${key}=${inline(value)}`);
  const name = String(level ?? 'info');
  const words = [scope === undefined ? '' : `${scope}:`, String(message ?? ''), ...facts];
  const text = [clock(time), paint(COLOURS[name] ?? 'dim', name.padEnd(5)), ...words]
    .filter((word) => word !== '')
    .join(' ');
  return Buffer.from(`${clean(text)}\n`, 'utf8').toString('latin1');
}

/** The sentence of a journal entry says these already. */
const SAID = new Set(['event', 'seq', 'job', 'attempt', 'stack']);

const COLOURS: Record<string, 'red' | 'yellow' | 'green'> = {
  fatal: 'red',
  error: 'red',
  warn: 'yellow',
  info: 'green',
};

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    const isRecord = typeof value === 'object' && value !== null && 'message' in value;
    return isRecord ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // A line torn by a full disk or a power cut.
  }
}

function clock(time: unknown): string {
  const date = new Date(String(time));
  if (Number.isNaN(date.getTime())) return '';
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function inline(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@%+-]+$/.test(value)) return value;
  return JSON.stringify(value);
}

/** Reasons quote a trainer's output, whose control characters must not reach the terminal. */
function clean(text: string): string {
  return text.replace(/[\u0000-\u001a\u001c-\u001f\u007f]/g, ' ');
}
