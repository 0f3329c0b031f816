import { expect, test } from '@jest/globals';
import {
  aiToolkitLines,
  kohyaLines,
  oneTrainerLines,
  simpleTunerLines,
} from '../../trainer/adapters/progress-lines.js';
import { type LogPatterns, LogProgress } from '../../trainer/heartbeat/index.js';

/** Lines as tqdm draws them; each fact that the text tells, in order. */
function told(log: LogPatterns, lines: readonly string[]) {
  const progress = new LogProgress(log);
  return lines
    .map((line) => progress.feed(Buffer.from(`${line}\r`)))
    .filter((fact) => fact !== null)
    .map(({ step, total, loss, phases }) => ({ step, total, loss, phases }));
}

const bar = (desc: string, n: number, of: number, post = '') =>
  `${desc}: ${Math.round((100 * n) / of)}%|###   | ${n}/${of} [00:10<1 day, 01:20,  2.81s/it${post}]`;

test('ai-toolkit: its bar has the name of the job, its loss an exponent', () => {
  const post = (loss: string) => `, lr: 1.0e-04 loss: ${loss}`;
  expect(
    told(aiToolkitLines('my lora (v1)'), [
      'Loading Flux model',
      bar('my lora (v1)', 0, 2000),
      bar('my lora (v1)', 1, 2000, post('3.515e-01')),
      bar('other', 7, 9, post('1.000e+00')),
      'Saving at step 250',
      bar('my lora (v1)', 251, 2000, post('nan')),
    ]),
  ).toEqual([
    { step: null, total: null, loss: null, phases: ['load'] },
    { step: 0, total: 2000, loss: null, phases: null },
    { step: 1, total: 2000, loss: 0.3515, phases: [] },
    { step: null, total: null, loss: null, phases: ['checkpoint'] },
    { step: 251, total: 2000, loss: Number.NaN, phases: [] },
  ]);
});

test('OneTrainer: the epochs that are left and the steps of one make the step of the run', () => {
  expect(
    told(oneTrainerLines(10), [
      bar('epoch', 0, 8),
      bar('step', 3, 20, ', loss=0.25, smooth loss=0.5'),
      bar('step', 4, 20, ', smooth loss=0.5, loss=0.125'),
      'Creating Backup /ws/backup/x',
      bar('epoch', 7, 8),
      bar('step', 20, 20, ', loss=0.25, smooth loss=0.5'),
      bar('epoch', 8, 8),
      bar('step', 20, 20, ', loss=0.25, smooth loss=0.5'),
    ]),
  ).toEqual([
    { step: 43, total: 200, loss: 0.25, phases: null },
    { step: 44, total: 200, loss: 0.125, phases: null },
    { step: null, total: null, loss: null, phases: ['checkpoint'] },
    { step: 200, total: 200, loss: 0.25, phases: [] },
    { step: 200, total: 200, loss: 0.25, phases: null },
  ]);
});

test('SimpleTuner: the epoch in the name of its bar', () => {
  expect(
    told(simpleTunerLines, [
      bar('Epoch 2/10, Steps', 120, 1000, ', lr=1e-4, step_loss=0.25'),
      bar('Epoch 2/10 Steps', 121, 1000, ', lr=1e-4, step_loss=0.5'),
    ]),
  ).toEqual([
    { step: 120, total: 1000, loss: 0.25, phases: null },
    { step: 121, total: 1000, loss: 0.5, phases: null },
  ]);
});

test('kohya: validation has bars of its own, which are no steps', () => {
  const head = [
    '  num batches per epoch / 1epochのバッチ数: 8',
    '  gradient accumulation steps / 勾配を合計するステップ数 = 2',
    '  total optimization steps / 学習ステップ数: 12',
    'epoch 2/3',
  ];
  expect(
    told(kohyaLines(null), [
      ...head,
      bar('steps', 1, 12, ', avr_loss=0.1'),
      bar('validation steps', 2, 4, ', val_avg_loss=1'),
      bar('epoch validation steps', 3, 4, ', val_epoch_avg_loss=1'),
      bar('steps', 2, 12, ', avr_loss=nan'),
    ]),
  ).toEqual([
    { step: null, total: null, loss: null, phases: null },
    { step: 5, total: 12, loss: 0.1, phases: null },
    { step: null, total: null, loss: null, phases: ['validate'] },
    { step: 6, total: 12, loss: Number.NaN, phases: [] },
  ]);
});

test('musubi-tuner: the state that it resumed from tells what was done before', () => {
  const resumed = 'local state: .*/w(?:-from(?<first>\\d{6}))?-(?<epoch>\\d{6})-state';
  expect(
    told(kohyaLines(resumed), [
      'INFO resume training from local state: /out/w-from000003-000002-state',
      'num batches per epoch: 10',
      'total optimization steps: 50',
      'epoch 1/5',
      bar('steps', 7, 50, ', avr_loss=0.1'),
    ]).at(-1),
  ).toEqual({ step: 57, total: 100, loss: 0.1, phases: null });
});
