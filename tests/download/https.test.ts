import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { packageRoot } from '../../config/index.js';
import { type Identity, noise, whole } from '../hub/index.js';
import { MIB, Place } from './place.js';
import { type LoopbackProxy, startProxy } from './proxy-server.js';

// The real command against a hub that speaks HTTPS, with a certificate of its own making.

const ENTRY = join(packageRoot(), 'dist/daemon/cli/main.js');
const CONTENT = noise(18 * MIB + 99);
const folder = mkdtempSync(join(tmpdir(), 'nightwarden-https-'));
const CERT = join(folder, 'cert.pem');
let place: Place;
let proxy: LoopbackProxy | undefined;
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await place?.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Null where there is no openssl: Node makes no certificates. */
function makeIdentity(): Identity | null {
  const key = join(folder, 'key.pem');
  const words =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=loopback -addext subjectAltName=DNS:localhost';
  try {
    execFileSync('openssl', [...words.split(' '), '-keyout', key, '-out', CERT], {
      stdio: 'ignore',
    });
  } catch {
    return null;
  }
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(CERT, 'utf8') };
}

const identity = makeIdentity();
const withTls = identity === null ? test.skip : test;

async function run(env: NodeJS.ProcessEnv = {}): Promise<{ code: number; said: string }> {
  place.env = { ...place.env, PATH: process.env['PATH'], ...env };
  const child = spawn(process.execPath, [ENTRY, 'download', 'm', '--home', place.home], {
    env: place.env,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      said += text;
    });
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

const arrivedWhole = (): boolean => place.read('models/m/m.safetensors').equals(whole(CONTENT));

withTls('over TLS, with a certificate that the environment vouches for', async () => {
  place = await Place.open({ 'm.safetensors': CONTENT }, identity);
  place.hub.cdn.faults = ({ nth }) => (nth === 2 ? { is: 'cut', after: 1_000_001 } : null);
  expect(await run({ NODE_EXTRA_CA_CERTS: CERT })).toMatchObject({ code: 0 });
  expect(arrivedWhole()).toBe(true);
});

withTls('a certificate that nobody vouches for: refused at once, with what to set', async () => {
  place = await Place.open({ 'm.safetensors': CONTENT }, identity);
  const { code, said } = await run({ NODE_EXTRA_CA_CERTS: undefined });
  expect(code).not.toBe(0);
  expect(said).toContain('SELF_SIGNED_CERT');
  expect(said).toContain('NODE_EXTRA_CA_CERTS');
  expect(place.hub.seen).toEqual([]);
});

withTls('through a tunnel of the proxy that the environment names, to both origins', async () => {
  place = await Place.open({ 'm.safetensors': CONTENT }, identity);
  place.hub.cdn.faults = ({ nth }) => (nth === 2 ? { is: 'cut', after: 1_000_001 } : null);
  proxy = await startProxy();
  const https_proxy = `http://us%40er:pass@${proxy.at}`;
  expect(await run({ NODE_EXTRA_CA_CERTS: CERT, https_proxy })).toMatchObject({ code: 0 });
  expect(arrivedWhole()).toBe(true);
  const pass = `Basic ${Buffer.from('us@er:pass').toString('base64')}`;
  const origins = new Set(proxy.passed);
  expect(origins).toEqual(
    new Set([place.hub.url, place.hub.cdn.origin].map((url) => `${pass} CONNECT ${url.slice(8)}`)),
  );
});

withTls('past the proxy where no_proxy says so', async () => {
  place = await Place.open({ 'm.safetensors': CONTENT }, identity);
  proxy = await startProxy();
  const env = { HTTPS_PROXY: `http://${proxy.at}`, NO_PROXY: 'localhost' };
  expect(await run({ NODE_EXTRA_CA_CERTS: CERT, ...env })).toMatchObject({ code: 0 });
  expect(arrivedWhole()).toBe(true);
  expect(proxy.passed).toEqual([]);
});

withTls('a proxy that lets nobody through is told as such', async () => {
  place = await Place.open({ 'm.safetensors': CONTENT }, identity);
  proxy = await startProxy();
  proxy.refuses = 407;
  const { code, said } = await run({
    NODE_EXTRA_CA_CERTS: CERT,
    https_proxy: `http://${proxy.at}`,
    NIGHTWARDEN_DOWNLOAD__PATIENCE_SECONDS: '1',
  });
  expect(code).not.toBe(0);
  expect(said).toContain('407');
  expect(said).toContain('https_proxy');
});
