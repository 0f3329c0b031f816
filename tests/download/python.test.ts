import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from '@jest/globals';
import { bytes, noise, sha256 } from '../hub/index.js';
import { Place } from './place.js';

const PYTHON = process.env['NIGHTWARDEN_TEST_PYTHON'] ?? 'python3';
const runs = (code: string, env: NodeJS.ProcessEnv = {}): string | null => {
  try {
    const options = { env: { PATH: process.env['PATH'], ...env }, stdio: 'pipe' } as const;
    return execFileSync(PYTHON, ['-c', code], options).toString();
  } catch {
    return null; // no such program, or what it was asked for is not there
  }
};
const installed = runs('import huggingface_hub') !== null;
let place: Place | undefined;
afterEach(() => place?.close());

(installed ? test : test.skip)("Python's huggingface_hub finds our files offline", async () => {
  const content = noise(9_000_000);
  place = await Place.open({ 'a/m.safetensors': content, 'config.json': bytes('{"x":1}') });
  place.models('m: { repo: me/model, files: [a/m.safetensors, config.json] }');
  expect(await place.get(['m'], { cache: true })).toEqual([]);
  const code = `
import hashlib, huggingface_hub as h
p = h.hf_hub_download('me/model', 'a/m.safetensors', local_files_only=True)
print(hashlib.sha256(open(p, 'rb').read()).hexdigest())
print(open(h.hf_hub_download('me/model', 'config.json', local_files_only=True)).read())
print(len(h.scan_cache_dir().warnings))
`;
  const { HF_HOME, HOME } = place.env;
  const said = runs(code, { HF_HOME, HOME, HF_HUB_OFFLINE: '1' });
  expect(said?.trim().split('\n')).toEqual([sha256(content), '{"x":1}', '0']);
});
