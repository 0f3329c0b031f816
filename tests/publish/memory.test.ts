import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const MIB = 2 ** 20;
const SIZE = 256 * MIB;

/** By itself, as the daemon sends it: what the process holds at most while it does, in bytes. */
const PROGRAM = `
import { truncateSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
const [, url, root] = process.argv;
const { DiskBlob } = await import(root + '/disk-blob.js');
const { hubFetch } = await import(root + '/hub-fetch.js');
const folder = mkdtempSync('/tmp/nightwarden-memory-');
writeFileSync(folder + '/file', '');
truncateSync(folder + '/file', ${SIZE});
const before = process.memoryUsage.rss();
let most = before;
setInterval(() => { most = Math.max(most, process.memoryUsage.rss()); }, 5).unref();
const send = hubFetch({ signal: new AbortController().signal });
const answer = await send(url, { method: 'PUT', body: new DiskBlob(folder + '/file', 0, ${SIZE}) });
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ status: answer.status, more: most - before }));
`;

test('an upload is read as it is sent: a large one takes no more memory', async () => {
  let arrived = 0;
  let announced: string | undefined;
  const server = createServer((request, response) => {
    announced = request.headers['content-length'];
    request.on('data', (chunk: Buffer) => {
      arrived += chunk.length;
    });
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lfs/x`;
    const room = join(import.meta.dirname, '../../dist/daemon/tasks/publish');
    const args = ['--input-type=module', '-e', PROGRAM, url, room];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { status, more } = JSON.parse(stdout) as { status: number; more: number };
    expect(status).toBe(200);
    expect(arrived).toBe(SIZE);
    expect(announced).toBe(String(SIZE));
    expect(more).toBeLessThan(SIZE / 2);
  } finally {
    server.close();
  }
});
