import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { redact } from '../../config/index.js';
import { type Door, refusal } from './access.js';
import { BODY_LIMIT, jsonObject, textOf } from './body.js';
import { addDownloads } from './downloads.js';
import { healthOf } from './health.js';
import type { Metrics } from './metrics/index.js';
import type { HttpOptions } from './surface.js';
import { within } from './within.js';

type App = Hono<{ Bindings: HttpBindings }>;

/** The routes, behind the door. Every error is answered as JSON `{error}`. */
export function makeApp(options: HttpOptions, door: Door, metrics: Metrics): App {
  const { engine, logger } = options;
  const loop = options.loop ?? (() => performance.now());
  const app: App = new Hono();

  app.use(async (c, next) => {
    const { method, path } = c.req;
    const refused = refusal({ method, path, ...headers(c) }, door);
    if (refused !== null) {
      if (refused.status === 401) c.header('WWW-Authenticate', 'Bearer');
      return c.json({ error: refused.error }, refused.status);
    }
    c.header('Cache-Control', 'no-store');
    c.header('X-Content-Type-Options', 'nosniff');
    await next();
    // Errors quote what they were given: a job file, the answer of a server.
    if (c.res.status >= 400) c.res = new Response(redact(await c.res.text()), c.res);
    return;
  });
  app.use(
    bodyLimit({
      maxSize: BODY_LIMIT,
      onError: (c) => c.json({ error: `the body is larger than ${BODY_LIMIT} bytes` }, 413),
    }),
  );

  app.get('/healthz', (c) => {
    const health = healthOf(engine, loop());
    return c.json(health, health.status === 'ok' ? 200 : 503);
  });
  app.get('/readyz', (c) =>
    options.ready()
      ? c.json({ status: 'ready' })
      : c.json({ status: 'starting', error: 'start-up is not over yet' }, 503),
  );
  app.get('/metrics', async (c) => {
    const text = await metrics.text();
    return c.body(text, 200, { 'Content-Type': metrics.contentType });
  });
  app.get('/api/status', (c) => c.json(engine.status()));
  app.post('/api/jobs', async (c) => {
    const body = await jsonObject(c);
    const source = textOf(body, 'source', 'the path of the job file, for messages');
    const text = textOf(body, 'text', 'the job file itself (YAML)');
    const result = await within(options.queueJob(source, text));
    if (result.ok) return c.json({ name: result.name }, 201);
    const { error, problems, status } = result;
    return c.json(problems === undefined ? { error } : { error, problems }, status);
  });
  // By its own name: `constructor` is a property of any object but not a job.
  const isJob = (name: string): boolean => Object.hasOwn(engine.state.jobs, name);
  const noJob = (c: Context, name: string) =>
    c.json({ error: `there is no job named ${name}`, jobs: Object.keys(engine.state.jobs) }, 404);
  for (const is of ['stop', 'resume'] as const) {
    app.post(`/api/jobs/:name/${is}`, async (c) => {
      const name = c.req.param('name');
      if (!isJob(name)) return noJob(c, name);
      const result = await within(engine.request({ is, job: name }));
      return result.ok ? c.json({ name }) : c.json({ error: result.error }, 409);
    });
  }
  if (options.downloads !== undefined) addDownloads(app, options.downloads);
  for (const task of ['deliver', 'publish'] as const) {
    app.post(`/api/jobs/:name/${task}`, async (c) => {
      const name = c.req.param('name');
      if (!isJob(name)) return noJob(c, name);
      const result = await within(options.followUp(name, task, await jsonObject(c)));
      return result.ok
        ? c.json({ name, task }, 202)
        : c.json({ error: result.error }, result.status);
    });
  }
  app.post('/api/shutdown', async (c) => {
    const { reason } = await jsonObject(c);
    const why = typeof reason === 'string' && reason !== '' ? reason : 'asked for over HTTP';
    // Not before the answer is out: the shutdown closes the connection it goes over.
    c.env.outgoing.once('close', () => options.shutdown(why));
    return c.json({ reason: why }, 202);
  });

  const known = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path}`);
  app.notFound((c) =>
    c.json({ error: `there is no ${c.req.method} ${c.req.path}`, routes: known }, 404),
  );
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
    logger.error('an HTTP request failed', { method: c.req.method, path: c.req.path, error });
    return c.json({ error: "internal error; the daemon's log says more" }, 500);
  });
  return app;
}

function headers(c: Context) {
  return {
    host: c.req.header('host'),
    origin: c.req.header('origin'),
    authorization: c.req.header('authorization'),
  };
}
