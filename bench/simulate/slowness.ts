import type { Fault } from './plan.js';
import type { Slowness } from './span.js';

/** How often a gradual slowdown is looked at anew, in seconds. */
const GRAIN = 60;
/** How long the slowest pace lasts after it is reached. */
const PLATEAU = 1800;

/** How slow a night is at each moment, from its faults. */
export function slownessOf(faults: readonly Fault[]): (at: number) => Slowness {
  const slow = faults.filter((f) => f.is === 'slow' || f.is === 'slower_and_slower');
  if (slow.length === 0) return () => ({ factor: 1, until: Number.POSITIVE_INFINITY });
  return (at) => {
    let factor = 1;
    let until = Number.POSITIVE_INFINITY;
    for (const fault of slow) {
      if (fault.at > at) {
        until = Math.min(until, fault.at);
        continue;
      }
      const end = fault.at + fault.seconds + (fault.is === 'slow' ? 0 : PLATEAU);
      if (at >= end) continue;
      const part = fault.is === 'slow' ? 1 : Math.min(1, (at - fault.at) / fault.seconds);
      // Two at once are no worse than the worse of them.
      factor = Math.max(factor, 1 + (fault.factor - 1) * part);
      until = Math.min(until, end, fault.is === 'slow' ? end : at + GRAIN);
    }
    return { factor, until };
  };
}
