/** How many different lines are remembered: more than a few bars and warnings that take turns. */
const RECENT = 32;

/**
 * Counts output that says something new, in characters of lines. A line that differs from a recent
 * one by its figures alone is none: tqdm's monitor thread redraws a bar while the loop is wedged,
 * a livelock repeats its warning with another time. A counter "n/total" that moves is news, since
 * only the loop moves it.
 */
export class Novelty {
  private total = 0;
  private readonly recent = new Set<string>();

  get bytes(): number {
    return this.total;
  }

  take(line: string): void {
    const shape = shapeOf(line);
    if (!this.recent.delete(shape)) this.total += line.length + 1;
    // Last in, so that the one longest unseen goes first.
    this.recent.add(shape);
    const [oldest] = this.recent;
    if (this.recent.size > RECENT && oldest !== undefined) this.recent.delete(oldest);
  }
}

const COUNTER = /(?<![\d/.:-])\d+\/\d+(?![\d/])/;
const FIGURES = /it\/s|s\/it|[\d.,:%\u2588-\u258f#|\s?<>=-]+/g;

function shapeOf(line: string): string {
  return `${COUNTER.exec(line)?.[0] ?? ''} ${line.replace(FIGURES, '')}`;
}
