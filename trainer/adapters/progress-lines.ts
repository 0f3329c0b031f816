import type { LogPatterns } from './types.js';

/**
 * A tqdm bar as it is drawn, named by its description. Groups: step, total, loss (where `post`, the
 * pattern of its postfix up to the loss, is given).
 */
export function tqdm(desc: string, post: string | null, names = ['step', 'total']): string {
  const [n = 'step', of = 'total'] = names;
  const loss = post === null ? '' : `(?:[^\\]\\r\\n]*?\\b${post}(?<loss>nan|inf|[-+\\d.e]+))?`;
  return [
    `^(?:.*[\\s\\]])?${desc}:\\s+\\d{1,3}%\\|[^|]*\\|\\s*`,
    `(?<${n}>\\d+)\\/(?<${of}>\\d+)\\s+`,
    '\\[(?:[\\d:]+|\\?)<(?:[\\d:?]+(?: days?, [\\d:]+)?),\\s*(?:[\\d.]+|\\?)\\s*(?:it\\/s|s\\/it)',
    `${loss}[^\\]\\r\\n]*\\]`,
  ].join('');
}

/** kohya's sd-scripts and musubi-tuner. `resumed`: see AbsoluteRule. */
export function kohyaLines(resumed: string | null): LogPatterns {
  return {
    step: tqdm('(?<!validation )steps', 'avr_loss='),
    total: null,
    epoch: '^epoch (\\d+)\\/\\d+\\s*$',
    loss: null,
    absolute: {
      by: 'epochs',
      batches: 'num batches per epoch[^:]*: (\\d+)',
      accumulation: 'gradient accumulation steps[^=:]*[=:] ?(\\d+)',
      total: 'total optimization steps[^:]*: (\\d+)',
      epoch: '^epoch (\\d+)\\/\\d+\\s*$',
      resumed,
    },
    phases: [
      {
        phase: 'checkpoint',
        line: 'saving checkpoint: |saving state at (?:epoch|step) |saving last state',
      },
      { phase: 'finish', line: 'model saved\\.' },
      { phase: 'sample', line: 'generating sample images at step' },
      { phase: 'validate', line: 'validation steps:\\s' },
      { phase: 'first_step', line: '^running training' },
      { phase: 'cache', line: '[Cc]ach(?:e|ing) (?:latents|[Tt]ext [Ee]ncoder)' },
      {
        phase: 'load',
        line: '^import network module|INFO\\s+(?:Using v|[Ll]oad(?:ing|ed)? |Building |Loading dataset config|prepar)',
      },
    ],
  };
}

/** The example scripts of diffusers. */
export const diffusersLines: LogPatterns = {
  step: tqdm('Steps', 'loss='),
  total: 'Total optimization steps = (\\d+)',
  epoch: null,
  loss: null,
  phases: [
    { phase: null, line: 'Saved state to ' },
    { phase: 'checkpoint', line: 'Saving current state to ' },
    { phase: 'validate', line: 'Running validation' },
    { phase: 'first_step', line: '\\*{5} Running training \\*{5}' },
    { phase: 'cache', line: '^(?:.*\\s)?Caching latents' },
    { phase: 'load', line: '^Loading (?:weights|pipeline components|checkpoint shards)' },
  ],
};

/** SimpleTuner: the bar's description holds the epoch. */
export const simpleTunerLines: LogPatterns = {
  step: tqdm('(?:Epoch \\d+\\/\\d+,? ?)?Steps', '(?:step_)?loss='),
  total: null,
  epoch: 'Epoch (\\d+)\\/\\d+',
  loss: null,
  phases: [
    { phase: null, line: 'Saved state to ' },
    { phase: 'checkpoint', line: 'Saving current state to |Saving checkpoint' },
    {
      phase: 'validate',
      line: 'Running validation|Generating validation|^(?:.*\\s)?Processing validation',
    },
    { phase: 'cache', line: '[Cc]aching |Generating (?:VAE|text embed) cache|VAE caching' },
    { phase: 'first_step', line: '\\*{3,5} Running training \\*{3,5}' },
    {
      phase: 'load',
      line: 'Loading (?:weights|pipeline components|checkpoint shards|VAE|text encoder)',
    },
  ],
};

/** ai-toolkit: its bar is called by the name of the job in its configuration. */
export function aiToolkitLines(name: string): LogPatterns {
  return {
    step: tqdm(literally(name), 'loss: '),
    total: null,
    epoch: null,
    loss: null,
    phases: [
      { phase: 'checkpoint', line: '^Saving at step \\d+' },
      {
        phase: 'sample',
        line: '^Generating (?:baseline samples|first sample|images)|Generating Images:',
      },
      { phase: 'cache', line: '[Cc]aching latents|Caching text' },
      { phase: 'load', line: '^Loading |IMPORTANT RESUMING FROM|Quantizing' },
    ],
  };
}

/** OneTrainer: a bar of epochs and one of the steps of an epoch. */
export function oneTrainerLines(epochs: number): LogPatterns {
  return {
    step: tqdm('step', '(?<!smooth )loss='),
    total: null,
    epoch: null,
    loss: null,
    absolute: { by: 'bars', epoch_bar: tqdm('epoch', null, ['n', 'total']), epochs },
    phases: [
      { phase: 'checkpoint', line: '^(?:.*\\s)?(?:Creating Backup|Saving) ' },
      { phase: 'sample', line: '^(?:.*\\s)?sampling:' },
      { phase: 'cache', line: '^(?:.*\\s)?(?:enumerating sample paths|caching):?' },
    ],
  };
}

/** A text as a regular expression of itself. */
export function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
