import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { artefactPath, writeArtefact } from './artefact.js';
import { prepareFolder, writeFileAtomic } from './atomic.js';
import { loadBase } from './base.js';
import {
  checkpointFolder,
  loadCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
} from './checkpoint.js';
import { loadDataset } from './dataset.js';
import { dieOf, Faults, type Victim } from './faults.js';
import { startHeartbeat } from './heartbeat.js';
import { attachLora } from './lora.js';
import type { Options } from './options.js';
import { type Console, Progress } from './progress.js';
import { Rng } from './rng.js';
import { drawSamples } from './sample.js';
import type { Fingerprint } from './state.js';
import { Training } from './training.js';

/** A whole run of the embedded trainer, from options to the finished LoRA. */
export async function run(options: Options, env: NodeJS.ProcessEnv, io: Console): Promise<void> {
  const checkpoints = path.join(options.out, 'checkpoints');
  const samples = path.join(options.out, 'samples');
  const heartbeat = await startHeartbeat(env, options.steps);
  heartbeat.enter('startup');
  for (const folder of [options.out, checkpoints, samples]) prepareFolder(folder);
  const faults = new Faults(options.faults, options.out);

  heartbeat.enter('load');
  const base = loadBase();
  const data = await loadDataset(options.data, base.scale);
  const lora = attachLora(
    base.network,
    options.rank,
    options.alpha,
    Rng.stream(options.seed, 'lora'),
  );
  const { rank, alpha, lr, batch, seed } = options;
  const fingerprint: Fingerprint = {
    rank,
    alpha,
    lr,
    batch,
    seed,
    data: data.sha256,
    base: base.sha256,
  };
  const training = new Training(base.network, lora, data.latents, { lr, batch, seed });
  io.out(`num train images: ${data.latents.length}\ntotal optimization steps: ${options.steps}\n`);
  if (options.resume !== null) {
    io.out(`resume training from local state: ${options.resume}\n`);
    training.restore(loadCheckpoint(options.resume, lora, fingerprint), options.reseed);
  }

  const progress = new Progress(io, options.steps, training.step, () => performance.now());
  const victim: Victim = { checkpoints, params: lora.params, say: (text) => progress.line(text) };
  const save = () => {
    const dying = faults.duringSave(training.step);
    progress.line(`saving checkpoint: ${checkpointFolder(checkpoints, training.step)}`);
    saveCheckpoint(checkpoints, lora, training.state, fingerprint, options.steps, () => {
      if (dying) dieOf('SIGKILL');
    });
    pruneCheckpoints(checkpoints, options.keep, training.step);
  };
  const sample = async () => {
    progress.line(`generating sample images at step: ${training.step}`);
    const stem = `${options.name}_${String(training.step).padStart(6, '0')}.png`;
    writeFileAtomic(path.join(samples, stem), await drawSamples(base, options.seed));
  };

  const due = (every: number) =>
    every > 0 && (training.step % every === 0 || training.step === options.steps);
  if (training.step === 0 && due(options.sampleEvery)) await heartbeat.within('sample', sample);
  faults.fire(0, victim);
  heartbeat.enter('first_step');
  let stepping = false;
  while (training.step < options.steps) {
    const started = performance.now();
    training.advance();
    if (options.stepMs > 0) {
      await sleep(Math.max(0, options.stepMs - (performance.now() - started)));
    }
    // The running mean, as in the bar: the loss of one batch of a flow says little by itself.
    heartbeat.step(training.step, training.epoch, training.averageLoss);
    if (!stepping) heartbeat.enter('step');
    stepping = true;
    const last = training.step === options.steps;
    progress.update(training.step, training.averageLoss, last);
    if (due(options.saveEvery)) await heartbeat.within('checkpoint', save);
    if (due(options.sampleEvery)) await heartbeat.within('sample', sample);
    faults.fire(training.step, victim);
  }

  heartbeat.enter('finish');
  const artefact = artefactPath(options);
  progress.line(`saving checkpoint: ${artefact}`);
  writeArtefact(artefact, options, lora, data.latents.length, training.step);
  io.out('model saved.\n');
  await heartbeat.close();
}
