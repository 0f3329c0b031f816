export { CannotListen, PortTaken, TokenUnusable } from './errors.js';
export type { GpuReading, MetricDescription, Metrics } from './metrics/index.js';
export { startHttp } from './server.js';
export type {
  HttpEngine,
  HttpLogger,
  HttpOptions,
  HttpServer,
  QueueResult,
} from './surface.js';
