import { performance } from 'node:perf_hooks';
import type { JobStatus } from '../../core/index.js';
import { elapsed, pad, sparkline } from '../format/index.js';
import { isOver } from '../jobs.js';
import { liveLine } from '../live-line.js';
import { SpeedMeter } from '../speed.js';
import type { Terminal } from '../terminal.js';

/** What the demo tells while it runs. With --json it tells nothing. */
export interface Show {
  /** Something that happened, with the time since the start before it. */
  event(text: string): void;
  /** A paragraph without a time. */
  text(...lines: string[]): void;
  /** How a training is getting on, redrawn. */
  progress(job: JobStatus): void;
  /** Forgets the losses and the speed of the training before. */
  next(): void;
  /** The losses of the present training as a small graph. */
  graph(): string;
}

const GRAPH_COLUMNS = 24;

export function terminalShow(out: Terminal): Show {
  const started = performance.now();
  let speed = new SpeedMeter();
  let losses: number[] = [];
  let lastStep = 0;
  return {
    event: (text) => {
      const at = elapsed((performance.now() - started) / 1000);
      out.line(`${out.paint('dim', at)}  ${text}`);
    },
    text: (...lines) => {
      for (const line of lines) out.line(line);
    },
    progress: (job) => {
      // Steps done over again after a fault have been drawn already.
      if (job.loss !== null && job.step !== null && job.step > lastStep) {
        losses.push(job.loss);
        lastStep = job.step;
      }
      if (isOver(job)) return out.clear();
      const line = liveLine(job, speed.update(job), Date.now() / 1000, out.paint);
      const graph = pad(sparkline(losses, GRAPH_COLUMNS), GRAPH_COLUMNS);
      return out.live(`        ${out.paint('dim', graph)}  ${line}`);
    },
    next: () => {
      out.clear();
      speed = new SpeedMeter();
      losses = [];
      lastStep = 0;
    },
    graph: () => sparkline(losses, GRAPH_COLUMNS),
  };
}

export const silentShow: Show = {
  event: () => {},
  text: () => {},
  progress: () => {},
  next: () => {},
  graph: () => '',
};
