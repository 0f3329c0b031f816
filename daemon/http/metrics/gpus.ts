import type { GpuReading } from '../../../healthchecks/index.js';
import type { Catalogue } from './catalogue.js';
import { Samples } from './write.js';

export type { GpuReading };

/** The GPUs as they now are; one that fell off the bus leaves no sample behind. */
export function writeGpus(metrics: Catalogue['gpu'], readings: readonly GpuReading[]): void {
  const info = new Samples(metrics.info);
  const utilization = new Samples(metrics.utilization);
  const used = new Samples(metrics.used);
  const total = new Samples(metrics.total);
  const temperature = new Samples(metrics.temperature);
  const power = new Samples(metrics.power);
  const limit = new Samples(metrics.limit);
  for (const gpu of readings) {
    const { uuid, name, driver } = gpu;
    info.set({ uuid, name, driver }, 1);
    utilization.set({ uuid }, gpu.utilization_ratio);
    used.set({ uuid }, gpu.memory_used_bytes);
    total.set({ uuid }, gpu.memory_total_bytes);
    temperature.set({ uuid }, gpu.temperature_celsius);
    power.set({ uuid }, gpu.power_draw_watts);
    limit.set({ uuid }, gpu.power_limit_watts);
  }
}
