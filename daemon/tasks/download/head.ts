import { Fault } from './fault.js';

/** The head of an answer of HTTP/1.1. */
export interface Head {
  readonly status: number;
  /** By lower-case name; of several the last. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body; null where only its end tells. */
  readonly length: number | null;
  /** The connection is good for another request. */
  readonly kept: boolean;
}

/** Reads what stands before the empty line (RFC 9112 4 to 6). @throws Fault */
export function headOf(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first);
  if (match === null) throw new Fault('server', `no answer of HTTP/1.1 (${first.slice(0, 60)})`);
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { 'content-length': length = '', 'transfer-encoding': coding, connection = '' } = headers;
  return {
    status: Number(match[2]),
    headers,
    length: coding === undefined && /^\d{1,15}$/.test(length) ? Number(length) : null,
    kept: match[1] === '1' && !/\bclose\b/i.test(connection),
  };
}
