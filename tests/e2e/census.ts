import { readdirSync, readFileSync } from 'node:fs';

/** Pids of living processes whose command line holds every one of `words` and none of `but`. */
export function processesWith(words: readonly string[], but: readonly string[] = []): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const line = commandLine(pid);
      return (
        line !== '' && words.every((w) => line.includes(w)) && !but.some((w) => line.includes(w))
      );
    })
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    // It ended while we looked.
    return '';
  }
}

/** Looks every few milliseconds at how many trainers live, and keeps the largest number and the pids. */
export class Census {
  most = 0;
  readonly pids = new Set<number>();
  private readonly timer: NodeJS.Timeout;

  constructor(look: () => number[]) {
    this.timer = setInterval(() => {
      const living = look();
      this.most = Math.max(this.most, living.length);
      for (const pid of living) this.pids.add(pid);
    }, 15);
  }

  end(): void {
    clearInterval(this.timer);
  }
}
