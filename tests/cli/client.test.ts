import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  connect,
  type DaemonFile,
  findClient,
  findDaemon,
  isLoopback,
  NoAnswer,
  Refused,
} from '../../daemon/cli/client.js';
import { explain } from '../../daemon/cli/errors.js';
import { bootId, readStat } from '../../trainer/process/index.js';
import { status } from './helpers/status.js';
import { tempFolder } from './helpers/temp.js';

interface Seen {
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server in the daemon's place, and the home whose daemon.json names this process. */
async function daemonLike(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { authorization } = request.headers;
      seen.push({ line: `${request.method} ${request.url}`, authorization, body });
      answer(request, response);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const home = tempFolder();
  const announce = (over: Partial<DaemonFile> = {}): DaemonFile => {
    const file: DaemonFile = {
      pid: process.pid,
      start_ticks: readStat(process.pid)!.start_ticks,
      boot_id: bootId(),
      host: '127.0.0.1',
      port,
      url: `http://127.0.0.1:${port}`,
      version: '0.1.0',
      started: 1,
      ...over,
    };
    mkdirSync(join(home, 'state'), { recursive: true });
    writeFileSync(join(home, 'state', 'daemon.json'), JSON.stringify(file));
    return file;
  };
  return { home, seen, announce };
}

const reply = (code: number, body: unknown) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

describe('finding the daemon', () => {
  test('by a file that names a living process', async () => {
    const { home, announce } = await daemonLike(reply(200, {}));
    expect(findDaemon(home)).toBeNull();
    const file = announce();
    expect(findDaemon(home)).toEqual(file);
  });

  test('a file left behind by a killed one, a reused pid or another boot does not count', async () => {
    const { home, announce } = await daemonLike(reply(200, {}));
    const { start_ticks } = announce();
    announce({ start_ticks: start_ticks + 1 });
    expect(findDaemon(home)).toBeNull();
    announce({ boot_id: 'another-boot' });
    expect(findDaemon(home)).toBeNull();
    announce({ pid: 2 ** 22 + 1 });
    expect(findDaemon(home)).toBeNull();
  });

  test.each(['', '{"pid": 1', 'null', '{"pid": "1"}'])('nor does a file that holds %j', (text) => {
    const home = tempFolder();
    mkdirSync(join(home, 'state'));
    writeFileSync(join(home, 'state', 'daemon.json'), text);
    expect(findClient(home)).toBeNull();
  });
});

describe('requests', () => {
  test('go to the routes of the API', async () => {
    const answer = status([]);
    const { home, seen, announce } = await daemonLike((request, response) =>
      reply(200, request.url === '/api/status' ? answer : { name: 'lora' })(request, response),
    );
    announce();
    const client = findClient(home)!;
    expect(await client.ready()).toBe(true);
    expect(await client.status()).toEqual(answer);
    expect(await client.queue('/jobs/a.yaml', 'name: lora')).toBe('lora');
    await client.stop('lora');
    await client.resume('odd name');
    await client.shutdown('over');
    expect(seen.map(({ line }) => line)).toEqual([
      'GET /readyz',
      'GET /api/status',
      'POST /api/jobs',
      'POST /api/jobs/lora/stop',
      'POST /api/jobs/odd%20name/resume',
      'POST /api/shutdown',
    ]);
    expect(JSON.parse(seen[2]!.body)).toEqual({ source: '/jobs/a.yaml', text: 'name: lora' });
    expect(JSON.parse(seen[5]!.body)).toEqual({ reason: 'over' });
  });

  test('carry the token beyond loopback, and only there', async () => {
    const { home, seen, announce } = await daemonLike(reply(200, { name: 'lora' }));
    announce();
    writeFileSync(join(home, 'state', 'api-token'), 'secret-token\n');
    await findClient(home)!.stop('lora');
    announce({ host: '0.0.0.0' });
    await findClient(home)!.stop('lora');
    expect(seen.map(({ authorization }) => authorization)).toEqual([
      undefined,
      'Bearer secret-token',
    ]);
  });

  test('a token that cannot be read is told with its path', async () => {
    const { home, announce } = await daemonLike(reply(200, {}));
    announce({ host: '10.0.0.5' });
    await expect(findClient(home)!.status()).rejects.toThrow(/wants its token.*api-token.*ENOENT/);
  });

  test('a refusal comes in the words of the daemon, a bad job file as bad usage', async () => {
    const { home, announce } = await daemonLike(
      reply(400, { error: 'j.yaml:1:1  name: missing.', problems: [{ message: 'missing.' }] }),
    );
    announce();
    const error = await findClient(home)!
      .queue('j.yaml', '')
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Refused);
    expect(explain(error)).toEqual({ message: 'j.yaml:1:1  name: missing.', code: 2 });
  });

  test('an answer that is not of the API is told by its status', async () => {
    const { home, announce } = await daemonLike((_, response) => {
      response.writeHead(502);
      response.end('<html>');
    });
    announce();
    await expect(findClient(home)!.stop('x')).rejects.toThrow(/answered 502/);
  });

  test('a daemon that does not answer is told with pid and address, within the limit', async () => {
    const { home, announce } = await daemonLike(() => {});
    const file = announce();
    const slow = connect(home, file, 50);
    await expect(slow.status()).rejects.toThrow(
      `The daemon (pid ${process.pid}) does not answer at ${file.url}: no answer in time.`,
    );
    const gone = connect(home, { ...file, url: 'http://127.0.0.1:1' });
    const error = await gone.status().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(NoAnswer);
  });
});

test('loopback by any of its names', () => {
  expect(['localhost', '127.0.0.1', '127.9.9.9', '::1'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(['0.0.0.0', '::', '10.0.0.1', 'host'].some(isLoopback)).toBe(false);
});
