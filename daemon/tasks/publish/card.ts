import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Job } from '../../core/index.js';
import { nightOf } from './night.js';

export interface CardFacts {
  readonly job: Job;
  readonly repo: string;
  readonly base_model: string | null;
  readonly instance_prompt: string | null;
  readonly license: string | null;
  readonly license_name: string | null;
  readonly license_link: string | null;
  readonly tags: readonly string[];
  /** Paths in the repository, each with the words that made it. */
  /** A sentence on which LoRA this is; null where there is nothing to say. */
  readonly chosen: string | null;
  readonly samples: readonly { readonly path: string; readonly prompt: string }[];
}

interface Licence {
  readonly license: string;
  readonly license_name?: string;
  readonly license_link?: string;
}

const FLUX_DEV: Licence = {
  license: 'other',
  license_name: 'flux-1-dev-non-commercial-license',
  license_link: 'https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md',
};

/** A LoRA bears the licence of the model that it was trained on. */
const LICENCES: Readonly<Record<string, Licence>> = {
  'black-forest-labs/FLUX.1-dev': FLUX_DEV,
  'bdsqlsz/flux1-dev2pro-single': FLUX_DEV,
  'black-forest-labs/FLUX.1-schnell': { license: 'apache-2.0' },
};

/**
 * The model card: front matter with FluxGym's keys, so that the Hub shows the samples and the trigger
 * words, then how the night went. The same facts give the same card, byte for byte.
 */
export function cardOf(facts: CardFacts): string {
  const text = `---\n${stringify(frontMatter(facts))}---\n\n${body(facts)}`;
  return `${text}\n${mark(text)}\n`;
}

/** Whether a card on the Hub is one of ours that nobody has edited, so that a newer may replace it. */
export function isOurs(card: string): boolean {
  const at = card.lastIndexOf('\n<!-- nightwarden card ');
  return at >= 0 && card.slice(at + 1).trimEnd() === mark(card.slice(0, at));
}

const mark = (text: string): string =>
  `<!-- nightwarden card ${createHash('sha256').update(text).digest('hex').slice(0, 32)} -->`;

function frontMatter(facts: CardFacts): Record<string, unknown> {
  const { base_model, instance_prompt, samples } = facts;
  const flux = /flux/i.test(base_model ?? '');
  const own = facts.job.spec.trainer === 'fluxgym' ? ['fluxgym'] : [];
  const tags = ['text-to-image', ...(flux ? ['flux'] : []), 'lora', 'diffusers'];
  const licence: Partial<Licence> =
    facts.license === null ? (LICENCES[base_model ?? ''] ?? {}) : present(facts);
  return {
    tags: [...new Set([...tags, 'template:sd-lora', ...own, 'nightwarden', ...facts.tags])],
    ...(samples.length > 0 ? { widget: samples.map(widget) } : {}),
    ...(base_model === null ? {} : { base_model }),
    ...(instance_prompt === null ? {} : { instance_prompt }),
    ...licence,
  };
}

const widget = ({ path, prompt }: { path: string; prompt: string }) => ({
  output: { url: path },
  text: prompt,
});

function present({ license, license_name, license_link }: CardFacts): Partial<Licence> {
  return {
    ...(license === null ? {} : { license }),
    ...(license_name === null ? {} : { license_name }),
    ...(license_link === null ? {} : { license_link }),
  };
}

function body({ job, repo, instance_prompt, samples, chosen }: CardFacts): string {
  const gallery = samples.length > 0 ? ['<Gallery />'] : [];
  const trigger =
    instance_prompt === null
      ? []
      : [
          '## Trigger words',
          `You should use \`${instance_prompt.replaceAll('`', "'")}\` to trigger the image generation.`,
        ];
  return [
    `# ${repo.split('/')[1]}`,
    `A LoRA trained with ${job.spec.trainer}, watched over by Nightwarden.`,
    ...gallery,
    ...trigger,
    '## Download model and use it with ComfyUI, AUTOMATIC1111, SD.Next, Invoke AI, Forge, etc.',
    'Weights for this model are available in Safetensors format.',
    ...(chosen === null ? [] : [chosen]),
    '## How the night went',
    nightOf(job),
  ].join('\n\n');
}
