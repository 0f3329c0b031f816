import { describe, expect, test } from '@jest/globals';
import { type GpuUse, gpuMemoryHeld } from '../../daemon/core/index.js';

const GIB = 2 ** 30;
const gpu = (used: number, others = 0, uuid = 'GPU-1'): GpuUse => ({
  uuid,
  used_bytes: used * GIB,
  others_bytes: others * GIB,
});

describe('GPU memory after a kill', () => {
  test('is free when half of what the attempt had taken is', () => {
    expect(gpuMemoryHeld([gpu(1)], [gpu(41)], [gpu(1)])).toBeNull();
    expect(gpuMemoryHeld([gpu(1)], [gpu(41)], [gpu(21)])).toBeNull();
    expect(gpuMemoryHeld([gpu(1)], [gpu(41)], [gpu(22)])).toEqual({
      uuid: 'GPU-1',
      held_bytes: 21 * GIB,
      taken_bytes: 40 * GIB,
    });
  });

  test('is judged by each GPU, and the worst is named', () => {
    const two = (a: number, b: number) => [gpu(a), gpu(b, 0, 'GPU-2')];
    expect(gpuMemoryHeld(two(0, 0), two(40, 40), two(0, 40))?.uuid).toBe('GPU-2');
    expect(gpuMemoryHeld(two(0, 0), two(40, 40), two(30, 40))?.uuid).toBe('GPU-2');
  });

  test("another program's is not held against the attempt", () => {
    // It came during the training and took more than that had.
    expect(gpuMemoryHeld([gpu(0)], [gpu(50, 30)], [gpu(30, 30)])).toBeNull();
    // It came after the kill.
    expect(gpuMemoryHeld([gpu(0)], [gpu(20)], [gpu(30, 30)])).toBeNull();
    // It was there all along, and ours is not given back.
    expect(gpuMemoryHeld([gpu(30, 30)], [gpu(50, 30)], [gpu(50, 30)])).not.toBeNull();
  });

  test('no evidence is no verdict', () => {
    expect(gpuMemoryHeld([], [gpu(40)], [gpu(40)])).toBeNull();
    expect(gpuMemoryHeld([gpu(0)], [], [gpu(40)])).toBeNull();
    expect(gpuMemoryHeld([gpu(0)], [gpu(40)], [])).toBeNull();
    // A bare context: readings sway by as much.
    expect(gpuMemoryHeld([gpu(0)], [gpu(0.4)], [gpu(0.4)])).toBeNull();
  });
});
