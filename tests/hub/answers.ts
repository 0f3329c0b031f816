import type { IncomingMessage, ServerResponse } from 'node:http';

/** A refusal as the Hub words it: the code and the text stand in headers of their own. */
export interface Refusal {
  readonly status: number;
  readonly code?: string;
  readonly message: string;
}

export function refuse(response: ServerResponse, { status, code, message }: Refusal): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    ...(code === undefined ? {} : { 'x-error-code': code }),
    'x-error-message': message,
  });
  response.end(JSON.stringify({ error: message }));
}

export function json(
  response: ServerResponse,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(value));
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
