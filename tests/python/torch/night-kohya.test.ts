import { badNight, STEPS } from './night.js';

badNight({
  name: 'kohya',
  args: ['--save_state', '--save_every_n_steps', '4', '--max_data_loader_n_workers', '1'],
  // Nothing is read from its output: the bar of sd-scripts counts from 0 after a resume.
  job: `heartbeat: shim
checkpoints: { glob: 'out/*-step*-state', step: 'step(\\d+)-state' }
resume: { args: [--resume, '{checkpoint}', --initial_step, '{step}', --skip_until_initial_step] }
done: { step: ${STEPS}, artefact: out/my-lora.safetensors }
`,
  state: (step) => `my-lora-step${String(step).padStart(8, '0')}-state`,
  last: 'my-lora-state',
});
