import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PortTaken, TokenUnusable } from '../../daemon/http/index.js';
import { knock, serving } from './helpers/serve.js';

const serve = serving();

describe('on loopback', () => {
  test.each([
    ['localhost', 200],
    ['LocalHost:1', 200],
    ['127.0.0.1:9787', 200],
    ['[::1]:9787', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['evil.example:9787', 403],
  ])(
    'the Host header %s gets %i: no page reaches it under a name of its own',
    async (host, status) => {
      const { server } = await serve();
      const answer = await knock(`${server.url}/readyz`, { host });
      expect(answer.status).toBe(status);
      if (status === 403) expect(JSON.parse(answer.body).error).toContain(host);
    },
  );

  test.each([
    ['http://evil.example', 403],
    ['null', 403],
    ['http://localhost:3000', 403],
    ['https://localhost:9787', 403],
    ['http://localhost:9787', 200],
  ])('a change asked for by a page of %s gets %i', async (origin, status) => {
    const { server, engine } = await serve();
    engine.add({
      type: 'job_queued',
      job: 'a',
      spec: {
        name: 'a',
        trainer: 'command',
        target_step: 1,
        has_artefact: false,
        plan: null,
        profile: 'p',
      },
    });
    const headers = { host: 'localhost:9787', origin };
    expect((await knock(`${server.url}/api/jobs/a/stop`, headers, 'POST')).status).toBe(status);
    expect((await knock(`${server.url}/api/status`, headers)).status).toBe(200);
  });

  test('the token opens it under any name, as a proxy needs; a wrong one does not', async () => {
    const { server, tokenFile } = await serve();
    const token = (await readFile(tokenFile, 'utf8')).trim();
    const host = 'pod.example';
    const at = `${server.url}/api/status`;
    expect((await knock(at, { host, authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await knock(at, { host, authorization: `Bearer ${token}x` })).status).toBe(403);
  });

  test('a state folder that takes no token is told, and does not keep the daemon from starting', async () => {
    const { tokenFile } = await serve();
    const { get, logged } = await serve({ tokenFile: `${tokenFile}/below-a-file` });
    expect((await get('/healthz')).status).not.toBe(403);
    expect(logged[0]?.message).toContain('without an API token');
    expect(logged[0]?.fields?.['error']).toBeInstanceOf(TokenUnusable);
  });
});

describe('beyond loopback', () => {
  const routes = ['/metrics', '/readyz', '/api/status', '/nothing'];

  test('every route but /healthz wants the token', async () => {
    const { get, server, engine, tokenFile } = await serve({ host: '0.0.0.0' });
    engine.lastTurn = 1000;
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect((await get('/healthz')).status).toBe(200);
    for (const route of routes) {
      for (const authorization of ['', 'Bearer', 'Bearer wrong', 'Basic eHg6eXk=']) {
        const answer = await get(route, { headers: { authorization } });
        expect([route, authorization, answer.status]).toEqual([route, authorization, 401]);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
        expect(((await answer.json()) as { error: string }).error).toContain(tokenFile);
      }
    }
    const authorization = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
    const open = await Promise.all(
      routes.map((route) => get(route, { headers: { authorization } })),
    );
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 404]);
  });

  test('does not start without a token to keep others out', async () => {
    const { tokenFile } = await serve();
    await writeFile(tokenFile, 'short\n');
    await expect(serve({ host: '0.0.0.0', tokenFile })).rejects.toThrow(/it has 5 characters/);
    await expect(serve({ host: '0.0.0.0', tokenFile })).rejects.toThrow(TokenUnusable);
  });
});

describe('the token', () => {
  test('is made once, 32 bytes for its owner alone, and kept', async () => {
    const { tokenFile } = await serve();
    const token = (await readFile(tokenFile, 'utf8')).trim();
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(dirname(tokenFile))).toEqual(['api-token']);
    await chmod(tokenFile, 0o644);
    await serve({ tokenFile });
    expect((await readFile(tokenFile, 'utf8')).trim()).toBe(token);
    expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
  });

  test('a daemon that died while writing it leaves nothing that stops the next', async () => {
    const { tokenFile: other } = await serve();
    const tokenFile = `${dirname(other)}/second/api-token`;
    await mkdir(dirname(tokenFile));
    await writeFile(`${tokenFile}.${process.pid}.tmp`, 'half');
    await serve({ tokenFile });
    expect(await readdir(dirname(tokenFile))).toEqual(['api-token']);
  });
});

describe('listening', () => {
  test('a taken port is named, with the key to change', async () => {
    const { server } = await serve();
    const again = serve({ port: server.port });
    await expect(again).rejects.toThrow(PortTaken);
    await expect(again).rejects.toThrow(new RegExp(`port ${server.port} on 127.0.0.1 is taken`));
    await expect(again).rejects.toThrow(/http\.port .* NIGHTWARDEN_HTTP__PORT/);
  });

  test('an address of another machine is refused with what to do', async () => {
    // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    await expect(serve({ host: '192.0.2.1' })).rejects.toThrow(/EADDRNOTAVAIL.*http\.host/);
  });

  test('serves IPv6 loopback too, and says how to reach it', async () => {
    const { server, get } = await serve({ host: '::1' }).catch((error: Error) => {
      // Containers often come without IPv6.
      if (/EADDRNOTAVAIL|EAFNOSUPPORT/.test(error.message)) return serve();
      throw error;
    });
    expect(server.url).toMatch(/^http:\/\/(\[::1\]|127\.0\.0\.1):\d+$/);
    expect((await get('/readyz')).status).toBe(200);
  });
});
