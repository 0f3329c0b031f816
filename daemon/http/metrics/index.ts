export type { MetricDescription } from './catalogue.js';
export type { GpuReading } from './gpus.js';
export { type Metrics, type MetricsOptions, type RunningMetrics, startMetrics } from './metrics.js';
