import { setTimeout as delay } from 'node:timers/promises';
import { type Background, cliEntry, spawnDaemon, untilReady } from '../../daemon/cli/background.js';
import type { Client } from '../../daemon/cli/client.js';
import { endDaemon } from '../../daemon/cli/demo/daemon.js';
import { waitFor } from '../../daemon/cli/wait.js';
import type { JobStatus } from '../../daemon/core/index.js';

const DIES_WITHIN_MS = 10_000;
const RIVAL_ENDS_WITHIN_MS = 15_000;

/** The daemon of one run: started, killed and started again, one process after the other. */
export class Keeper {
  starts = 0;
  readonly wrong: string[] = [];
  client: Client | null = null;
  private daemon: Background | null = null;
  private turn: Promise<void> = Promise.resolve();
  private killing = false;
  private frozen = false;

  constructor(
    private readonly home: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  start(): Promise<void> {
    return this.inTurn(() => this.begin());
  }

  /** SIGKILL at once, whatever it is at, its own start included; another one after `back_ms`. */
  kill(back_ms: number): boolean {
    const victim = this.daemon;
    if (victim === null || this.killing || victim.ended() !== null) return false;
    this.killing = true;
    this.client = null;
    victim.child.kill('SIGKILL');
    void this.inTurn(async () => {
      const gone = await waitFor(() => victim.ended(), DIES_WITHIN_MS, { everyMs: 5 });
      if (gone === null) this.wrong.push('a daemon did not die of SIGKILL');
      await delay(back_ms);
      await this.begin();
    });
    return true;
  }

  /** Stops the daemon for as long as `meanwhile` takes. */
  async freeze(meanwhile: () => Promise<void>): Promise<void> {
    const { daemon } = this;
    this.frozen = true;
    daemon?.child.kill('SIGSTOP');
    try {
      await meanwhile();
    } finally {
      daemon?.child.kill('SIGCONT');
      this.frozen = false;
    }
  }

  /** Another daemon on the same home, while ours lives: it must end by itself. */
  async rival(): Promise<void> {
    const { child, ended } = spawnDaemon(this.home, this.env, cliEntry());
    if ((await waitFor(ended, RIVAL_ENDS_WITHIN_MS)) !== null) return;
    this.wrong.push('a second daemon on the same home did not give up');
    child.kill('SIGKILL');
  }

  /** The job as the daemon tells it; null while there is none to ask. */
  async job(): Promise<JobStatus | null> {
    const { client } = this;
    if (this.frozen) return null;
    if (client === null) {
      const ended = this.daemon?.ended() ?? null;
      if (ended !== null && !this.killing) throw new Error(`the daemon ended by itself (${ended})`);
      return null;
    }
    try {
      return (await client.status()).jobs[0] ?? null;
    } catch (error) {
      // Killed or stopped while it was asked.
      if (this.frozen || this.client !== client || this.daemon?.ended() !== null) return null;
      throw error;
    }
  }

  /** The orderly end, once all that is under way has been done. */
  async end(): Promise<void> {
    await this.turn;
    const { client, daemon } = this;
    if (client === null || daemon === null) return;
    await endDaemon(this.home, { client, pid: client.daemon.pid, process: daemon });
  }

  settled(): Promise<void> {
    return this.turn;
  }

  private async begin(): Promise<void> {
    this.killing = false;
    this.starts += 1;
    const daemon = spawnDaemon(this.home, this.env, cliEntry());
    this.daemon = daemon;
    try {
      const client = await untilReady(this.home, daemon);
      if (!this.killing) this.client = client;
    } catch (error) {
      if (!this.killing) this.wrong.push(`the daemon did not start: ${(error as Error).message}`);
    }
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work);
    return this.turn;
  }
}
