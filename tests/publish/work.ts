import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FollowUpOutcome, Job } from '../../daemon/core/index.js';
import {
  type PublishContext,
  type PublishSpec,
  publish,
} from '../../daemon/tasks/publish/index.js';
import { Night } from '../core/night.js';
import { lora } from '../deliver/lora.js';
import { UploadHub } from '../hub/upload.js';

export const WRITE = 'hf_writewritewritewrite1';

/** A finished training and a Hub to put it on. Waits are noted, not made. */
export class Work {
  readonly root = mkdtempSync(join(tmpdir(), 'nightwarden-publish-'));
  readonly warnings: string[] = [];
  readonly waits: number[] = [];
  job: Job;
  saves: PublishContext['saves'] = { glob: 'out/lora-*.safetensors', step: 'lora-(\\d+)' };
  env: NodeJS.ProcessEnv;

  private constructor(readonly hub: UploadHub) {
    hub.accounts.set(WRITE, { name: 'me', role: 'write' });
    this.env = { HF_TOKEN: WRITE, HF_ENDPOINT: `${hub.url}/` };
    this.write('out/lora.safetensors', lora(1));
    this.write('out/sample/lora_000040_00_20260101000000.png', 'first picture');
    this.write('out/sample/lora_000040_01_20260101000000.png', 'second picture');
    this.write('out/sample_prompts.txt', 'a cat, p3rson --w 1024 --d 42\n# no\na dog, p3rson\n');
    const night = new Night().start().steps(40, 1);
    night.exit({ signal: 'SIGKILL' }, {}).spawned().steps(100, 1);
    night.exit({ code: 0 }, { artefact: 'whole' });
    this.job = night.job;
  }

  static async begin(): Promise<Work> {
    return new Work(await UploadHub.start({ chunk: 150 }));
  }

  /** Trains anew: one step a loss, a second each. */
  train(losses: readonly (number | null)[]): void {
    const night = new Night().start({ target_step: losses.length });
    losses.forEach((loss, i) => void night.skip(1).beat({ step: i + 1, loss }));
    this.job = night.exit({ code: 0 }, { artefact: 'whole' }).job;
  }

  write(name: string, content: string | Buffer): void {
    mkdirSync(dirname(join(this.root, name)), { recursive: true });
    writeFileSync(join(this.root, name), content);
  }

  publish(
    over: Partial<PublishSpec> = {},
    signal = new AbortController().signal,
  ): Promise<FollowUpOutcome> {
    const spec: PublishSpec = {
      repo: 'me/lora',
      private: true,
      base_model: 'black-forest-labs/FLUX.1-dev',
      instance_prompt: 'p3rson',
      license: null,
      license_name: null,
      license_link: null,
      tags: [],
      samples: null,
      lora: 'final',
      ...over,
    };
    return publish(spec, {
      job: this.job,
      artefact: join(this.root, 'out/lora.safetensors'),
      cwd: this.root,
      saves: this.saves,
      home: this.root,
      env: this.env,
      signal,
      warn: (message) => void this.warnings.push(message),
      sleep: async (ms) => void this.waits.push(ms),
    });
  }

  get repo() {
    const repo = this.hub.repos.get('me/lora');
    if (repo === undefined) throw new Error('nothing was published');
    return repo;
  }

  async end(): Promise<void> {
    await this.hub.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}
