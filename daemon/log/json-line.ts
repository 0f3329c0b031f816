import { redact } from './redact.js';
import type { LogRecord } from './types.js';

const OWN = new Set(['time', 'level', 'scope', 'message']);

/** One line of `nightwarden.jsonl`, newline and all: `{time, level, scope?, message, …fields}`, time
 * in ISO 8601 UTC. A field named like one of these gets an underscore after its name. */
export function jsonLine({ level, message, at, scope, fields }: LogRecord): string {
  const line: Record<string, unknown> = { time: new Date(at).toISOString(), level };
  if (scope !== '') line['scope'] = scope;
  line['message'] = message;
  for (const [name, value] of Object.entries(fields))
    line[OWN.has(name) ? `${name}_` : name] = value;
  return `${redact(stringify(line))}\n`;
}

/** Never throws: a log line with a cycle, a BigInt or a throwing getter in it is still a log line. */
function stringify(line: Record<string, unknown>): string {
  try {
    return JSON.stringify(line, plain);
  } catch (error) {
    const { time, level, scope, message } = line;
    return JSON.stringify({ time, level, scope, message, unprintable: String(error) });
  }
}

function plain(_name: string, value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  return typeof value === 'bigint' ? value.toString() : value;
}

/** An error as data; JSON.stringify would make `{}` of it. */
export function describeError(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause }),
  };
}
