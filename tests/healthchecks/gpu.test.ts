import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  busiest,
  type GpuReading,
  parseReading,
  vramUsed,
  watchGpus,
} from '../../healthchecks/index.js';
import { nvidiaSmi } from './stand-in.js';

const H200 = 'GPU-5e21, NVIDIA H200, 570.124.06, 97, 41231, 143771, 55, 612.34, 700.00';

const { place, standIn } = nvidiaSmi();

test('a line becomes base units', () => {
  expect(parseReading(H200)).toEqual({
    uuid: 'GPU-5e21',
    name: 'NVIDIA H200',
    driver: '570.124.06',
    utilization_ratio: 0.97,
    memory_used_bytes: 41231 * 1024 * 1024,
    memory_total_bytes: 143771 * 1024 * 1024,
    temperature_celsius: 55,
    power_draw_watts: 612.34,
    power_limit_watts: 700,
  });
});

test('what the driver does not tell is null, and a complaint is no reading', () => {
  expect(parseReading('GPU-1, Tesla, 1, [N/A], [Unknown Error], 100, , 5, 6')).toMatchObject({
    utilization_ratio: null,
    memory_used_bytes: null,
    temperature_celsius: null,
  });
  expect(parseReading('Failed to initialize NVML: Unknown Error')).toBeNull();
});

test('one program is read on and on, all GPUs at a time', async () => {
  const second = H200.replace('5e21', '5e22').replace('97,', '3,');
  const command = standIn(`while :; do echo "${H200}"; echo "${second}"; sleep 0.05; done`);
  const rounds: (readonly GpuReading[])[] = [];
  const watch = await new Promise<ReturnType<typeof watchGpus>>((resolve) => {
    const started: ReturnType<typeof watchGpus> = watchGpus({
      command,
      every_seconds: 5,
      onReading: (readings) => {
        rounds.push(readings);
        if (rounds.length === 4) resolve(started);
      },
    });
  });
  expect(
    rounds
      .at(-1)
      ?.map(({ uuid }) => uuid)
      .sort(),
  ).toEqual(['GPU-5e21', 'GPU-5e22']);
  expect(busiest(watch.latest())).toBe(0.97);
  expect(vramUsed(watch.latest())).toBe(2 * 41231 * 1024 * 1024);
  watch.close();
});

test('a machine without a GPU is no trouble', async () => {
  const troubles: string[] = [];
  const watch = watchGpus({
    command: join(place.dir, 'absent'),
    onTrouble: (what) => troubles.push(what),
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(watch.latest()).toBeNull();
  expect(busiest(watch.latest())).toBeNull();
  expect(troubles).toEqual([]);
  watch.close();
});

test('one that ends is told of and says nothing about now', async () => {
  const told = await new Promise<string>((resolve) => {
    const watch = watchGpus({
      command: standIn('echo "Unable to determine the device handle for GPU0"; exit 15'),
      onTrouble: (what) => {
        expect(watch.latest()).toBeNull();
        watch.close();
        resolve(what);
      },
    });
  });
  expect(told).toContain('15');
});
