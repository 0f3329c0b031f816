import { type Losses, meanLoss } from '../../core/index.js';

/** A LoRA on disk and the step it was saved at. */
export interface SavedLora {
  /** Absolute. */
  readonly path: string;
  readonly step: number;
}

/** The LoRA with the lowest mean loss over the steps after `after` up to its own. */
export interface Best {
  readonly lora: SavedLora;
  readonly mean: number;
  readonly after: number;
  /** How many were compared. */
  readonly of: number;
}

/**
 * Of the LoRAs that a run saved, the one up to which the loss was lowest, averaged since the save before
 * it; of equals the later. Null where there are no two to compare. Of several of one step the first
 * in the list counts. What was saved before the earliest may have been removed since: its stretch is
 * no longer than the longest of the others.
 */
export function bestOf(saved: readonly SavedLora[], losses: Losses | undefined): Best | null {
  if (losses === undefined) return null;
  const byStep = new Map(saved.toReversed().map((lora) => [lora.step, lora]));
  const all = [...byStep.values()].sort((a, b) => a.step - b.step);
  const longest = Math.max(...all.slice(1).map(({ step }, i) => step - (all[i]?.step ?? 0)));
  const judged = all.flatMap((lora, i) => {
    const after = all[i - 1]?.step ?? Math.max(0, lora.step - longest);
    const mean = meanLoss(losses, after, lora.step);
    return mean === null ? [] : [{ lora, mean, after }];
  });
  const [first, ...others] = judged;
  if (first === undefined || others.length === 0) return null;
  const lowest = others.reduce((best, one) => (one.mean <= best.mean ? one : best), first);
  return { ...lowest, of: judged.length };
}

/** In one sentence, for the card. */
export function bestInWords({ lora, mean, after, of }: Best, name: string): string {
  const steps = `steps ${after + 1}-${lora.step}`;
  return `This is ${name}: of the ${of} saved LoRAs the one with the lowest mean loss, ${mean.toPrecision(3)} (${steps}); loss says little of how samples look.`;
}
