import { badNight, STEPS } from './night.js';

badNight({
  name: 'diffusers-layout',
  args: ['--checkpointing_steps', '4', '--dataloader_num_workers', '1'],
  job: `log: { step: 'Steps:\\s+\\d+%\\|[^|]*\\|\\s*(\\d+)/(\\d+)', loss: 'loss=([\\d.]+)' }
checkpoints: { glob: 'out/checkpoint-*', step: 'checkpoint-(\\d+)' }
resume: { args: [--resume_from_checkpoint, '{checkpoint_name}'] }
done: { step: ${STEPS}, artefact: out/pytorch_lora_weights.safetensors }
`,
  state: (step) => `checkpoint-${step}`,
  last: `checkpoint-${STEPS}`,
});
