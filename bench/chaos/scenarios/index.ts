import {
  detect,
  hang,
  livelock,
  nan,
  noSpaceSaid,
  ownFault,
  pythonFault,
  ranks,
  refusal,
  shell,
} from './inside.js';
import { frozen, fullOutputs, fullState, kills, stopped, storm, torn } from './outside.js';
import type { Scenario } from './parts.js';
import { killPath, second, unseenHang } from './recovery.js';

/** Each as often as it comes in a round of runs. */
export const SCENARIOS: readonly (readonly [name: string, times: number, scenario: Scenario])[] = [
  ['kills', 4, kills],
  ['own-fault', 3, ownFault],
  ['hang', 1, hang],
  ['stopped', 3, stopped],
  ['unseen-hang', 1, unseenHang],
  ['frozen', 1, frozen],
  ['daemon-storm', 2, storm],
  ['torn', 4, torn],
  ['second-fault', 4, second],
  ['kill-path', 1, killPath],
  ['livelock', 1, livelock],
  ['nan', 1, nan],
  ['full-outputs', 1, fullOutputs],
  ['full-state', 2, fullState],
  ['python-fault', 3, pythonFault],
  ['no-space-said', 1, noSpaceSaid],
  ['shell', 1, shell],
  ['ranks', 1, ranks],
  ['refusal', 2, refusal],
  ['detect-0.05', 2, detect(0.05)],
  ['detect-0.5', 2, detect(0.5)],
  ['detect-5', 2, detect(5)],
];
