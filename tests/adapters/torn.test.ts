import { readdirSync } from 'node:fs';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  findCheckpoints,
  type Verdict,
  verifyCheckpoint,
} from '../../trainer/checkpoints/index.js';
import { copyOf, DIFFUSERS, KOHYA } from '../checkpoints/helpers.js';
import { planOf, temporary } from './standin.js';

const KINDS = [
  { fixture: KOHYA, trainer: 'sd-scripts', script: 'train_network.py' },
  { fixture: DIFFUSERS, trainer: 'diffusers', script: 'train_dreambooth_lora_flux.py' },
];
const FILES = KINDS.flatMap((kind) =>
  readdirSync(kind.fixture).map((file) => ({ ...kind, file, title: `${kind.trainer}: ${file}` })),
);

/** A copy of a real checkpoint where its trainer's plan looks for it, as that plan sees it. */
async function seen({ fixture, trainer, script }: (typeof KINDS)[number]) {
  const home = temporary();
  const path = await copyOf(fixture, join(home, 'out', basename(fixture)));
  const options = '--output_dir, out, --output_name, my-lora, --max_train_epochs, 3';
  const plan = planOf(`name: x\ntrainer: ${trainer}\ncommand: [${script}, ${options}]\n`, home);
  const verdict = async (): Promise<Verdict> => {
    const [found] = await findCheckpoints(plan.checkpoints as never, home);
    if (found === undefined) throw new Error('not found');
    return verifyCheckpoint(found);
  };
  return { path, verdict };
}

describe('real checkpoints, as their trainers leave them', () => {
  test.each(KINDS)('$trainer: a whole one is accepted', async (kind) => {
    expect((await (await seen(kind)).verdict()).ok).toBe(true);
  });

  test.each(FILES)('$title cut, zeroed at its end or missing is refused', async (at) => {
    const { path, verdict } = await seen(at);
    const file = join(path, at.file);
    const whole = await readFile(file);
    for (const percent of [0, 10, 50, 90, 99]) {
      const length = Math.floor((whole.length * percent) / 100);
      await truncate(file, length);
      expect(await verdict()).toMatchObject({ ok: false, file: at.file });
      await writeFile(file, Buffer.from(whole).fill(0, length));
      expect(await verdict()).toMatchObject({ ok: false, file: at.file });
      await writeFile(file, whole);
    }
    await rm(file);
    expect(await verdict()).toMatchObject({ ok: false, file: at.file, kind: 'missing' });
  });
});
