import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { night, spec } from './helpers/night.js';
import { serving } from './helpers/serve.js';

const serve = serving();

test('/api/status is the status of the fold', async () => {
  const { get, engine } = await serve();
  engine.add(...night('my-lora'));
  const answer = await get('/api/status');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(await answer.json()).toEqual(JSON.parse(JSON.stringify(engine.status())));
});

describe('POST /api/jobs', () => {
  test('hands path and text on, and answers as queueJob does', async () => {
    const asked: unknown[] = [];
    const problems = [{ path: 'trainer', message: 'expected a name' }];
    const { post } = await serve({
      queueJob: async (source, text) => {
        asked.push([source, text]);
        if (text === 'bad') return { ok: false, status: 400, error: 'no such key', problems };
        if (text === 'taken') return { ok: false, status: 409, error: 'is running already' };
        return { ok: true, name: 'my-lora' };
      },
    });
    const source = 'jobs/my-lora.yaml';
    const good = await post('/api/jobs', { source, text: 'name: my-lora' });
    expect([good.status, await good.json()]).toEqual([201, { name: 'my-lora' }]);
    const bad = await post('/api/jobs', { source, text: 'bad' });
    expect([bad.status, await bad.json()]).toEqual([400, { error: 'no such key', problems }]);
    const taken = await post('/api/jobs', { source, text: 'taken' });
    expect([taken.status, await taken.json()]).toEqual([409, { error: 'is running already' }]);
    expect(asked).toEqual([
      [source, 'name: my-lora'],
      [source, 'bad'],
      [source, 'taken'],
    ]);
  });

  test.each([
    ['{"source": "a", ', 'not JSON'],
    ['[]', 'must be a JSON object'],
    ['{"source": "a"}', '"text"'],
    ['{"text": "a", "source": 3}', '"source"'],
    [undefined, '"source"'],
  ])('refuses the body %s', async (body, said) => {
    const { post } = await serve();
    const answer = await post('/api/jobs', body);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: string }).error).toContain(said);
  });

  test('takes a body of up to 1 MiB, with its length told or not', async () => {
    const { post, server } = await serve();
    const body = (size: number) => {
      const frame = JSON.stringify({ source: 'a', text: '' });
      return JSON.stringify({ source: 'a', text: 'x'.repeat(size - frame.length) });
    };
    expect((await post('/api/jobs', body(1024 * 1024))).status).toBe(201);
    const big = await post('/api/jobs', body(1024 * 1024 + 1));
    expect(big.status).toBe(413);
    expect(await big.json()).toEqual({ error: 'the body is larger than 1048576 bytes' });
    const stream = new Blob([body(1024 * 1024 + 1)]).stream();
    const chunked = await fetch(`${server.url}/api/jobs`, {
      method: 'POST',
      body: stream,
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
  });
});

describe('stop and resume', () => {
  test('are requests to the engine: 200, 409 with its words, 404 for a job it does not know', async () => {
    const { post, engine } = await serve();
    engine.add(...night('my-lora'));
    const stop = await post('/api/jobs/my-lora/stop');
    expect([stop.status, await stop.json()]).toEqual([200, { name: 'my-lora' }]);
    expect(engine.state.jobs['my-lora']?.run.at).toBe('ending');
    const resume = await post('/api/jobs/my-lora/resume');
    expect(resume.status).toBe(409);
    expect(await resume.json()).toEqual({ error: 'my-lora needs no resume: it is ending.' });
    for (const name of ['other', 'constructor', '%2e%2e']) {
      expect((await post(`/api/jobs/${name}/stop`)).status).toBe(404);
    }
  });

  test('a stopped job is resumed', async () => {
    const { post, engine } = await serve();
    engine.add(
      { type: 'job_queued', job: 'a b', spec: spec('a b') },
      { type: 'job_stopped', job: 'a b' },
    );
    expect((await post('/api/jobs/a%20b/resume')).status).toBe(200);
    expect(engine.state.jobs['a b']?.run.at).toBe('queued');
  });
});

test('POST /api/shutdown is answered before it happens', async () => {
  const told: string[] = [];
  let tell: () => void = () => undefined;
  const happened = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const { post } = await serve({
    shutdown: (reason) => {
      told.push(reason);
      tell();
    },
  });
  const answer = await post('/api/shutdown', { reason: 'upgrade' });
  expect(answer.status).toBe(202);
  expect(await answer.json()).toEqual({ reason: 'upgrade' });
  await happened;
  expect(told).toEqual(['upgrade']);
  expect((await post('/api/shutdown')).status).toBe(202);
});

describe('what goes wrong', () => {
  test('an unknown route is told the known ones', async () => {
    const { get } = await serve();
    const answer = await get('/api/jobs');
    expect(answer.status).toBe(404);
    const { error, routes } = (await answer.json()) as { error: string; routes: string[] };
    expect(error).toBe('there is no GET /api/jobs');
    expect(routes).toEqual([
      'GET /healthz',
      'GET /readyz',
      'GET /metrics',
      'GET /api/status',
      'POST /api/jobs',
      'POST /api/jobs/:name/stop',
      'POST /api/jobs/:name/resume',
      'POST /api/jobs/:name/deliver',
      'POST /api/jobs/:name/publish',
      'POST /api/shutdown',
    ]);
  });

  test('a handler that throws is logged, answered with 500 and forgotten', async () => {
    const { get, post, engine, logged } = await serve({
      queueJob: () => Promise.reject(new Error('the secret of the house')),
    });
    engine.status = () => {
      throw new Error('wrong');
    };
    const answer = await get('/api/status');
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({ error: "internal error; the daemon's log says more" });
    const queue = await post('/api/jobs', { source: 'a', text: 'b' });
    expect(queue.status).toBe(500);
    expect(await queue.text()).not.toContain('secret');
    expect(logged.map(({ fields }) => [fields?.['path'], String(fields?.['error'])])).toEqual([
      ['/api/status', 'Error: wrong'],
      ['/api/jobs', 'Error: the secret of the house'],
    ]);
    expect((await get('/healthz')).status).toBe(200);
  });

  test('closing ends connections that never finish their request', async () => {
    const { server, get } = await serve();
    const socket = connect(server.port, '127.0.0.1');
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve);
    });
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.on('error', () => undefined);
    socket.write('POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{');
    await get('/healthz'); // The request before it has been read when this one is answered.
    await server.close();
    await closed;
    await expect(get('/healthz')).rejects.toThrow();
  });
});
