import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homePaths } from '../../../config/index.js';
import { usageError } from '../errors.js';
import { type DemoPlan, demoConfig } from './plan.js';

/** The second training's home and, inside it, the first one's: the same job name in both, since a
 * LoRA holds its name and the two files are to be equal in every byte. */
export interface DemoHomes {
  readonly night: string;
  readonly baseline: string;
}

/** Makes both homes. Throws a usage error where the folder named is in use for something else. */
export function makeHomes(named: string | null): DemoHomes {
  const night = named ?? mkdtempSync(join(tmpdir(), 'nightwarden-demo-'));
  if (existsSync(night) && readdirSync(night).length > 0) {
    throw usageError(
      `The demo wants an empty folder for a home, and ${night} is not empty. Name another with --home, or none for a temporary one.`,
    );
  }
  const baseline = join(night, 'baseline');
  for (const home of [night, baseline]) {
    const { config } = homePaths(home);
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'nightwarden.yaml'), demoConfig());
  }
  return { night, baseline };
}

/** Where a training of the demo leaves its LoRA. */
export function loraPath(home: string, { job }: DemoPlan): string {
  return join(homePaths(home).outputs, job, `${job}.safetensors`);
}

/** Copies what a newcomer would like to look at; gives the folder's files, relative to it. */
export function keepResults(homes: DemoHomes, plan: DemoPlan, folder: string): string[] {
  const samples = join(homePaths(homes.night).outputs, plan.job, 'samples');
  mkdirSync(join(folder, 'samples'), { recursive: true });
  const pictures = readdirSync(samples).filter((name) => name.endsWith('.png'));
  for (const name of pictures) copyFileSync(join(samples, name), join(folder, 'samples', name));
  copyFileSync(loraPath(homes.night, plan), join(folder, `${plan.job}.safetensors`));
  copyFileSync(loraPath(homes.baseline, plan), join(folder, `${plan.job}-undisturbed.safetensors`));
  return [
    `${plan.job}.safetensors`,
    `${plan.job}-undisturbed.safetensors`,
    ...pictures.sort().map((name) => join('samples', name)),
  ];
}
