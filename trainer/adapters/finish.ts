import { salvage } from './salvage.js';

/**
 * finish STATE FINAL STEM: makes the finished file of a run whose last state is there, in the place
 * of a training that would refuse to begin at its own end. Words behind are for a trainer, not for
 * this.
 */
const [state, final, stem] = process.argv.slice(2);
if (state === undefined || final === undefined || stem === undefined) {
  process.stderr.write('finish: expected STATE FINAL STEM\n');
  process.exitCode = 2;
} else {
  try {
    process.stdout.write(`${await salvage({ state, final, stem })}\n`);
  } catch (error) {
    process.stderr.write(`finish: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
