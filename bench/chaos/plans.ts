import { Rng } from '../simulate/rng.js';
import type { Plan } from './plan.js';
import { SCENARIOS } from './scenarios/index.js';

/** Every scenario comes as often as its weight in a round; the order within is the seed's. */
const ROUND = SCENARIOS.flatMap(([name, times, scenario]) =>
  Array.from({ length: times }, () => ({ name, scenario })),
);
/** So that the order of rounds and the plans draw from streams of their own. */
const ROUNDS = 1 << 20;

/** The patience of a night cut down to seconds, for a check that has to be short. */
export const QUICK: Plan['settings'] = {
  hang: { floor_seconds: 2, confirm_seconds: 1 },
  kill: { grace_seconds: 2 },
};

/** Run number `n` (from 0) of a seed, the same every time. `only`: of these scenarios. */
export function planOf(seed: number, n: number, only: readonly string[] = []): Plan {
  const some = only.length === 0 ? ROUND : ROUND.filter(({ name }) => only.includes(name));
  const round = shuffled(some, seed, Math.floor(n / some.length));
  const { name, scenario } = round[n % round.length]!;
  return { seed, n, scenario: name, ...scenario(new Rng(seed, n)) };
}

export const scenarioNames: readonly string[] = SCENARIOS.map(([name]) => name);

function shuffled(all: typeof ROUND, seed: number, round: number): typeof ROUND {
  const rng = new Rng(seed, ROUNDS + round);
  const order = [...all];
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = Math.floor(rng.next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
