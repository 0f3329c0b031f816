import type { Model } from '../../../config/index.js';
import { Addresses } from './address.js';
import { authorization, HubRefused } from './ask.js';
import { moveTo } from './atomic.js';
import { backoff } from './backoff.js';
import type { Budget } from './budget.js';
import { type Run, runLength, UNIT } from './chunks.js';
import { DownloadError } from './errors.js';
import type { RepoFile } from './facts.js';
import { Fault } from './fault.js';
import { fetchRun } from './fetch-run.js';
import { type Hasher, startHasher } from './hasher.js';
import type { Partial } from './partial.js';
import type { Session } from './session.js';
import { sleep } from './wait.js';

export interface FileJob {
  /** What events call it. */
  readonly id: string;
  readonly model: Model;
  readonly commit: string;
  readonly file: RepoFile;
  readonly target: string;
}

/** A server that answers with something else in this many rounds without a new byte will not stop. */
const STUBBORN = 6;

/**
 * Fetches a file over several connections into its partial, proves its hash and puts it in its
 * place. The partial is gone afterwards; when this throws, it is kept for another time, unless its
 * bytes are known to be bad.
 */
export async function fetchFile(
  session: Session,
  job: FileJob,
  partial: Partial,
  budget: Budget,
): Promise<void> {
  const { file, id } = job;
  const { fingerprint, size } = file;
  if (partial.chunks.bytesDone > 0)
    session.report({ type: 'resumed', file: id, bytes: partial.chunks.bytesDone });
  for (let pass = 1; ; pass++) {
    const hasher = startHasher(partial.path, size, fingerprint.kind);
    let digest: string;
    try {
      hasher.available(partial.chunks.contiguous);
      await fetchUnits(session, job, partial, budget, hasher);
      digest = await hasher.digest;
    } finally {
      await hasher.close();
    }
    if (digest === fingerprint.hex) break;
    const why = `its ${fingerprint.kind === 'git' ? 'git hash' : 'SHA-256'} is ${digest} where the Hub says ${fingerprint.hex}`;
    session.report({ type: 'discarded', file: id, bytes: size, why });
    if (pass === 2) {
      await partial.remove();
      throw new DownloadError(
        'corrupt',
        `${job.model.name}: ${file.path} arrived wrong twice: ${why}.`,
        'Something between this machine and the Hub changes the bytes (a proxy, bad memory). Try without the proxy, or on another machine.',
      );
    }
    await partial.startOver();
  }
  await partial.sync();
  await moveTo(partial.path, job.target);
  await partial.remove();
}

async function fetchUnits(
  session: Session,
  job: FileJob,
  partial: Partial,
  budget: Budget,
  hasher: Hasher,
): Promise<void> {
  const over = new AbortController();
  const fetching = new Fetching(
    { ...session, signal: AbortSignal.any([session.signal, over.signal]) },
    job,
    partial,
    budget,
    hasher,
  );
  const workers = Math.min(session.settings.connections, Math.max(1, partial.chunks.free));
  const working = Array.from({ length: workers }, () => fetching.work());
  try {
    await Promise.all(working);
  } catch (error) {
    over.abort(error);
    // None may write any more when the caller decides what becomes of the file.
    await Promise.allSettled(working);
    throw error;
  }
  await fetching.noted();
}

/** The connections of one file at work. */
class Fetching {
  private readonly addresses: Addresses;
  private measured: { wait: number; rate: number } | null = null;
  private lastGain = performance.now();
  private journalled: Promise<unknown> = Promise.resolve();
  /** Rounds of failures since the last new byte. Connections that break together make one round. */
  private barren = 0;
  private round = 0;
  private restUntil = 0;
  /** Workers without anything to do wait here for a run that another could not finish. */
  private idle: (() => void)[] = [];
  private working = 0;

  constructor(
    private readonly session: Session,
    private readonly job: FileJob,
    private readonly partial: Partial,
    private readonly budget: Budget,
    private readonly hasher: Hasher,
  ) {
    const { model, commit, file } = job;
    this.addresses = new Addresses(session, { repo: model.repo, commit, ...file });
  }

  /** All units are in the journal, too. */
  async noted(): Promise<void> {
    await this.journalled;
  }

  /** One connection: takes run after run until none is left. */
  async work(): Promise<void> {
    const { chunks } = this.partial;
    let failures = 0;
    while (!chunks.complete) {
      const rest = (this.restUntil - performance.now()) / 1000;
      if (rest > 0) await sleep(rest, this.session.signal);
      const { connections } = this.session.settings;
      const run = chunks.take(runLength(chunks.free, connections, this.measured));
      if (run === null) {
        if (this.working === 0) return;
        await new Promise<void>((resolve) => this.idle.push(resolve));
        continue;
      }
      const { round } = this;
      this.working += 1;
      try {
        await this.fetch(run);
        failures = 0;
      } catch (error) {
        chunks.giveBack(run);
        this.wake();
        failures += 1;
        if (round === this.round) this.count();
        await this.survive(error, failures);
      } finally {
        this.working -= 1;
        this.wake();
      }
    }
  }

  /** One more round of failures; from the second on every connection of this file rests. */
  private count(): void {
    this.round += 1;
    this.barren += 1;
    if (this.barren < 2) return;
    this.restUntil = performance.now() + 1000 * backoff(this.barren - 1, Math.random());
  }

  private wake(): void {
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private async fetch(run: Run): Promise<void> {
    const { session, partial, job } = this;
    const { chunks } = partial;
    const [start, end] = chunks.bounds(run);
    if (start === end) return; // a file without bytes
    const address = await this.addresses.get();
    const release = await this.budget.connection();
    let next = run.first;
    let written = start;
    try {
      await session.gates.pass(address.url.origin, session.signal);
      const secret = address.onHub && session.closed.has(job.model.repo) ? session.token() : null;
      this.measured = await fetchRun({
        address,
        headers: authorization(session, address.url, secret?.secret.reveal() ?? null),
        start,
        end,
        size: job.file.size,
        pen: partial.pen,
        stallSeconds: session.settings.stall_seconds,
        budget: this.budget,
        transport: session.transport,
        signal: session.signal,
        onWritten: (upTo, bytes) => {
          this.lastGain = performance.now();
          this.barren = 0;
          written = upTo;
          session.report({ type: 'bytes', file: job.id, bytes });
          for (; next < run.first + run.count; next++) {
            if (Math.min(job.file.size, (next + 1) * UNIT) > upTo) break;
            this.note(next);
          }
          this.hasher.available(chunks.contiguous);
        },
      });
    } catch (error) {
      const bytes = written - next * UNIT;
      if (bytes > 0) session.report({ type: 'discarded', file: job.id, bytes, why: null });
      if (error instanceof Fault && (error.kind === 'expired' || error.kind === 'changed'))
        await this.addresses.expired(address);
      if (error instanceof Fault && error.kind === 'busy' && error.wait !== null)
        session.gates.shut(address.url.origin, error.wait);
      throw error;
    } finally {
      release();
    }
  }

  private note(unit: number): void {
    const noted = this.partial.finished(unit);
    this.journalled = Promise.all([this.journalled, noted]);
    this.journalled.catch(() => {}); // thrown by noted()
  }

  /** Waits before the next try, or throws what will not get better. */
  private async survive(error: unknown, failures: number): Promise<void> {
    const { session, job } = this;
    session.signal.throwIfAborted();
    if (error instanceof HubRefused || error instanceof DownloadError) throw error;
    if (!(error instanceof Fault)) throw error;
    const silent = (performance.now() - this.lastGain) / 1000;
    const stubborn = error.kind !== 'network' && error.kind !== 'stalled' && error.kind !== 'busy';
    if (stubborn && this.barren >= STUBBORN)
      throw gaveUp(job, error, `${this.barren} times in a row`);
    if (silent > session.settings.patience_seconds)
      throw gaveUp(job, error, `no new byte for ${Math.round(silent)} s`);
    // An address that ran out is the course of things; it is a new one that has to be waited for.
    if (error.kind === 'expired' && failures === 1) return;
    const seconds = error.wait ?? backoff(failures, Math.random());
    if (failures > 1 || error.wait !== null)
      session.report({ type: 'waiting', why: `${job.file.path}: ${error.message}`, seconds });
    if (error.wait === null) await sleep(seconds, session.signal);
  }
}

function gaveUp({ model, file }: FileJob, fault: Fault, often: string): DownloadError {
  const what = `${model.name}: ${file.path}: ${fault.message} (${often}).`;
  const kept = 'What is there is kept; start the download again later.';
  if (fault.kind === 'changed') {
    return new DownloadError(
      'corrupt',
      what,
      'The server gives other bytes than the Hub promises. Try again later, or another mirror (HF_ENDPOINT).',
    );
  }
  const network = fault.kind === 'network' || fault.kind === 'stalled' || fault.kind === 'busy';
  return new DownloadError(network ? 'network' : 'server', what, kept);
}
