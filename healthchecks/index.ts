/** The door of the health checks. */
export {
  busiest,
  type GpuReading,
  type GpuWatch,
  parseReading,
  vramUsed,
  watchGpus,
} from './gpu.js';
export { type GpuQuestion, gpuLost } from './gpu-lost.js';
export { type GpuMemory, readGpuMemory } from './gpu-memory.js';
export { createVolumeProbe, type VolumeProbe, type VolumeState } from './volume.js';
