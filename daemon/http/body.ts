import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';

/** Largest request body in bytes; a job file has a few hundred. */
export const BODY_LIMIT = 1024 * 1024;

/** The body as a JSON object; no body at all is an empty one. Throws what the error handler answers with 400. */
export async function jsonObject(c: Context): Promise<Record<string, unknown>> {
  const text = await c.req.text();
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HTTPException(400, { message: `the body is not JSON: ${(error as Error).message}` });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HTTPException(400, { message: 'the body must be a JSON object' });
  return value as Record<string, unknown>;
}

/** A text of the body. Throws what the error handler answers with 400. */
export function textOf(body: Record<string, unknown>, key: string, what: string): string {
  const value = body[key];
  if (typeof value !== 'string' || value === '')
    throw new HTTPException(400, { message: `the body needs "${key}": ${what}` });
  return value;
}
