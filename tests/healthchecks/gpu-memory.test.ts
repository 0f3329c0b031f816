import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readGpuMemory } from '../../healthchecks/index.js';
import { nvidiaSmi } from './stand-in.js';

const { place, standIn } = nvidiaSmi();

test('memory and processes of each GPU, in bytes', async () => {
  const command = standIn(`case "$1" in
    --query-gpu=*) printf 'GPU-1, 41231\\nGPU-2, 3\\n' ;;
    --query-compute-apps=*) printf 'GPU-1, 77, 41000\\nGPU-1, 78, [N/A]\\n' ;;
  esac`);
  const MIB = 1 << 20;
  expect(await readGpuMemory(command)).toEqual([
    { uuid: 'GPU-1', used_bytes: 41231 * MIB, processes: [{ pid: 77, bytes: 41000 * MIB }] },
    { uuid: 'GPU-2', used_bytes: 3 * MIB, processes: [] },
  ]);
});

test('none, a sick one and one that never answers are no evidence', async () => {
  expect(await readGpuMemory(join(place.dir, 'absent'))).toBeNull();
  expect(await readGpuMemory(standIn('echo "Failed to initialize NVML"; exit 255'))).toBeNull();
  const deaf = standIn('trap "" TERM; exec sleep 600');
  expect(await readGpuMemory(deaf, 200)).toBeNull();
});
