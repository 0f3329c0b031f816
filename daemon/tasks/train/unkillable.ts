import type { Surroundings } from './context.js';

export type Survivors = readonly { readonly pid: number; readonly letter: string }[];

export const said = (survivors: Survivors): string =>
  survivors.map(({ pid, letter }) => `${pid} (state ${letter})`).join(', ');

/** Tells of processes of an attempt that nothing ends. */
export function unkillable(
  { name: job, observe }: Surroundings,
  attempt: number,
  survivors: Survivors,
): Promise<void> {
  return observe({
    is: 'unkillable',
    job,
    attempt,
    survivors: survivors.map(({ pid }) => pid),
    why: `processes that SIGKILL does not end: ${said(survivors)}`,
  });
}
