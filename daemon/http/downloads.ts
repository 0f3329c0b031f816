import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { jsonObject } from './body.js';
import { within } from './within.js';

/** One download that was asked for without a job. */
export interface DownloadView {
  readonly id: string;
  readonly models: readonly string[];
  readonly state: 'running' | 'finished' | 'failed' | 'stopped';
  readonly reason: string | null;
  readonly remedy: string | null;
  /** How it stands, and the clock it was written by (seconds); null where this daemon has not worked
   * on it. */
  readonly progress: unknown;
  readonly now: number | null;
}

/** What the routes need of the daemon's downloads. */
export interface DownloadDoor {
  list(): readonly DownloadView[];
  want(asked: {
    readonly models: readonly string[];
    readonly cache: boolean;
    readonly replace: boolean;
  }): Promise<
    { readonly ok: true; readonly id: string } | { readonly ok: false; readonly error: string }
  >;
  stop(id: string): Promise<void>;
}

/** The routes of downloads: ask for one, look at them, end one. */
export function addDownloads(app: Hono<{ Bindings: HttpBindings }>, door: DownloadDoor): void {
  app.get('/api/downloads', (c) => c.json({ downloads: door.list() }));
  app.post('/api/downloads', async (c) => {
    const body = await jsonObject(c);
    const { models } = body;
    if (!Array.isArray(models) || models.length === 0 || !models.every(isName))
      throw new HTTPException(400, { message: 'models: expected a list of names of models.yaml' });
    const asked = {
      models,
      cache: body['cache'] === true,
      replace: body['replace'] === true,
    };
    const result = await within(door.want(asked));
    return result.ok ? c.json({ id: result.id }, 201) : c.json({ error: result.error }, 400);
  });
  app.post('/api/downloads/:id/stop', async (c) => {
    const id = c.req.param('id');
    if (!door.list().some((known) => known.id === id))
      return c.json({ error: `there is no download ${id}` }, 404);
    await within(door.stop(id));
    return c.json({ id });
  });
}

const isName = (given: unknown): given is string => typeof given === 'string' && given !== '';
