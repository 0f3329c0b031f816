/** Who tells of a trainer's phases: heartbeat files (its own or the shim's), and lines of its output. */
export type Teller = 'files' | 'log';

/**
 * The phases that are open by what both tell. Each knows some that the other cannot: the shim sees a
 * save begin before a line is printed, the lines know a sampling that no call gives away. A phase is
 * open while either says so.
 */
export class OpenPhases {
  private readonly told: Partial<Record<Teller, readonly string[]>> = {};

  /** Takes what one of them says now (null: nothing of phases), and returns the open phases, the
   * outermost first, or null where nothing was said. */
  heard(from: Teller, phases: readonly string[] | null): readonly string[] | null {
    if (phases === null) return null;
    this.told[from] = phases;
    const { files = [], log = [] } = this.told;
    // What the lines tell of spans a stretch of the night; calls are made within it.
    return [...new Set([...log, ...files])];
  }
}
