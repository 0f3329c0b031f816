import type { Entry } from '../events.js';
import type { Observation } from '../observations.js';

/**
 * The phases that are open, rebuilt from what was entered and left. The journal tells the innermost
 * one as it is entered and each as it is left, but for `step`, which is never told to be left: it is
 * taken to end when another begins within it. The loop's own clock stands for it then.
 */
export function openPhases(): { after(entry: Entry): Observation | null } {
  const open = new Map<string, string[]>();
  return {
    after(entry) {
      switch (entry.type) {
        case 'attempt_starting':
          open.delete(entry.job);
          return null;
        case 'phase_entered': {
          const before = open.get(entry.job) ?? [];
          const at = before.indexOf(entry.phase);
          const around = at < 0 ? before.filter((name) => name !== 'step') : before.slice(0, at);
          open.set(entry.job, [...around, entry.phase]);
          break;
        }
        case 'phase_left': {
          const before = open.get(entry.job);
          // One that was entered before this journal begins.
          if (before === undefined || !before.includes(entry.phase)) return null;
          open.set(
            entry.job,
            before.filter((name) => name !== entry.phase),
          );
          break;
        }
        default:
          return null;
      }
      const { job, attempt } = entry;
      const beat = { step: null, total: null, epoch: null, loss: null };
      return { is: 'beat', job, attempt, beat: { ...beat, phases: [...(open.get(job) ?? [])] } };
    },
  };
}
