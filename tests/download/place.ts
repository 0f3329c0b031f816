import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModels } from '../../config/index.js';
import {
  type DownloadEvent,
  type DownloadSettings,
  download,
  type Failure,
} from '../../daemon/tasks/download/index.js';
import {
  type Content,
  commit,
  type Hub,
  type Identity,
  makeRepo,
  type Repo,
  startHub,
} from '../hub/index.js';

export const MIB = 2 ** 20;

/** A home of its own, and a hub with the repository me/model behind the entry `m` of models.yaml. */
export class Place {
  readonly home = mkdtempSync(join(tmpdir(), 'nightwarden-download-'));
  readonly events: DownloadEvent[] = [];
  readonly repo: Repo;
  settings: Partial<DownloadSettings> = {};
  env: NodeJS.ProcessEnv;

  private constructor(readonly hub: Hub) {
    this.repo = makeRepo('me/model');
    hub.repos.set(this.repo.id, this.repo);
    this.models('m: { repo: me/model, file: m.safetensors }');
    this.env = { HF_ENDPOINT: hub.url, HF_HOME: join(this.home, 'hf'), HOME: this.home };
  }

  static async open(
    files: Readonly<Record<string, Content>> = {},
    identity: Identity | null = null,
  ): Promise<Place> {
    const place = new Place(await startHub([], identity));
    if (Object.keys(files).length > 0) commit(place.repo, files);
    return place;
  }

  models(yaml: string): void {
    writeFileSync(join(this.home, 'models.yaml'), yaml);
  }

  /** Downloads in this process. */
  async get(
    names: readonly string[] = ['m'],
    more: { cache?: boolean; replace?: boolean; signal?: AbortSignal } = {},
  ): Promise<Failure[]> {
    return download({
      models: loadModels(this.home).chosen(names),
      home: this.home,
      env: this.env,
      settings: {
        folder: this.home,
        connections: 4,
        bytes_per_second: 0,
        stall_seconds: 5,
        patience_seconds: 60,
        ...this.settings,
      },
      report: (event) => this.events.push(event),
      signal: new AbortController().signal,
      ...more,
    });
  }

  path(...parts: string[]): string {
    return join(this.home, ...parts);
  }

  read(...parts: string[]): Buffer {
    return readFileSync(this.path(...parts));
  }

  /** Everything under a folder of the home, hidden files too. */
  list(...parts: string[]): string[] {
    return readdirSync(this.path(...parts), { recursive: true })
      .map(String)
      .sort();
  }

  /** What became of each file. */
  outcomes(): string[] {
    return this.events.flatMap((e) => (e.type === 'done' ? [`${e.file} ${e.how}`] : []));
  }

  async close(): Promise<void> {
    await this.hub.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}
