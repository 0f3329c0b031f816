import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gpuLost } from '../../healthchecks/index.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightwarden-gpu-lost-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let made = 0;
/** A program that says this and ends so. */
function says(text: string, code = 0, more = ''): string {
  made += 1;
  const path = join(dir, `program-${made}`);
  writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${text}\nEND\n${more}\nexit ${code}\n`);
  chmodSync(path, 0o755);
  return path;
}

const ask = (command: string, kernel = says(''), since_seconds: number | null = 100) =>
  gpuLost({ expected: ['GPU-5e21'], since_seconds, command, kernel, withinMs: 2000 });

describe('a GPU is lost', () => {
  test.each([
    ['Unable to determine the device handle for GPU0000:01:00.0: Unknown Error', 255],
    [
      'Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.  Reboot the system',
      15,
    ],
    ['Failed to initialize NVML: Driver/library version mismatch', 18],
    ["NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9],
  ])('by the words of nvidia-smi: %s', async (text, code) => {
    expect(await ask(says(text, code))).toBe(`nvidia-smi: ${text}`);
  });

  test('when it is not among those that are there', async () => {
    const missing = 'nvidia-smi does not find GPU-5e21 any more';
    expect(await ask(says('GPU-0000'))).toBe(missing);
    expect(await ask(says('No devices were found', 6))).toBe(missing);
  });

  test('by an Xid of the kernel since the attempt began, whatever nvidia-smi shows', async () => {
    const line = 'NVRM: Xid (PCI:0000:01:00): 79, pid=4711, GPU has fallen off the bus.';
    const lines = `[   50.100000] usb 1-1: new device\n[  120.000000] ${line}`;
    expect(await ask(says('GPU-5e21'), says(lines))).toBe(line);
    expect(await ask(says('GPU-5e21'), says(lines), 121)).toBeNull();
    expect(await ask(says('GPU-5e21'), says(lines), null)).toBeNull();
  });
});

describe('nobody can say that it is', () => {
  test('where all are there', async () => {
    expect(await ask(says('GPU-5e21\nGPU-0000'))).toBeNull();
  });

  test('without an nvidia-smi, or where it fails otherwise, or never answers', async () => {
    expect(await ask(join(dir, 'none'))).toBeNull();
    expect(await ask(says('no permission', 4))).toBeNull();
    const slow = says('', 0, 'exec sleep 600');
    expect(
      await gpuLost({
        expected: ['GPU-5e21'],
        since_seconds: null,
        command: slow,
        withinMs: 300,
      }),
    ).toBeNull();
  });

  test('by an Xid that the trainer itself may cause', async () => {
    const line = '[  120.000000] NVRM: Xid (PCI:0000:01:00): 31, pid=4711, MMU Fault';
    expect(await ask(says('GPU-5e21'), says(line))).toBeNull();
  });
});
