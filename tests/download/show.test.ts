import { expect, test } from '@jest/globals';
import { barLines } from '../../daemon/cli/download/bars.js';
import { Show } from '../../daemon/cli/download/show.js';
import {
  type DownloadEvent,
  noProgress,
  type Progress,
  progressed,
} from '../../daemon/tasks/download/index.js';
import { recorded } from '../cli/helpers/streams.js';

const plain = (_: unknown, text: string): string => text;
const GB = 1e9;

/** Events at given seconds. */
function after(...events: readonly (readonly [number, DownloadEvent])[]): Progress {
  return events.reduce((progress, [time, event]) => progressed(progress, event, time), noProgress);
}

const planned: DownloadEvent = {
  type: 'planned',
  files: [
    { file: 'flux-dev/flux1-dev.sft', model: 'flux-dev', to: 'x', size: 24 * GB },
    { file: 'flux-vae/ae.sft', model: 'flux-vae', to: 'y', size: GB / 2 },
  ],
};
const came = (file: string, bytes: number): DownloadEvent => ({ type: 'bytes', file, bytes });
const done = {
  type: 'done',
  file: 'flux-vae/ae.sft',
  model: 'flux-vae',
  path: '/h/ae.sft',
  bytes: GB / 2,
  how: 'downloaded',
  digest: 'ab',
} as const;
const half = after(
  [0, planned],
  [0, { type: 'resumed', file: 'flux-dev/flux1-dev.sft', bytes: 6 * GB }],
  [0, came('flux-dev/flux1-dev.sft', 1 * GB)],
  [5, came('flux-dev/flux1-dev.sft', 5 * GB)],
  [10, done],
);

test('a bar for each file under way and one for the whole, with rate and time left', () => {
  expect(barLines(half, 10, 120, plain as never)).toEqual([
    'flux-dev/flux1-dev.sft  ━━━━━━━━━━━━────────────  12 GB of 24 GB',
    'total                   ━━━━━━━━━━━━────────────  13 GB of 25 GB  500 MB/s  24 s left',
  ]);
});

test('a line never wraps, however narrow the terminal', () => {
  for (const line of barLines(half, 10, 30, plain as never)) expect(line.length).toBeLessThan(30);
});

test('on a terminal the bars are redrawn, and what is finished stays above them', () => {
  const { stream, out } = recorded(true, 100);
  const show = new Show(out);
  show.update(half, 10);
  show.update(half, 11);
  show.end();
  const text = stream.text();
  expect(text.match(/flux-vae\/ae\.sft {2}500 MB {2}fetched/g)).toHaveLength(1);
  expect(text.match(/\x1b\[2A\r\x1b\[J/g)).toHaveLength(2);
  expect(text.endsWith('\x1b[2A\r\x1b[J')).toBe(true);
});

test('elsewhere plain lines, not more than one in ten seconds', () => {
  const { stream, out } = recorded(false);
  const show = new Show(out);
  for (let time = 10; time <= 20; time += 0.2) show.update(half, time);
  expect(stream.text().split('\n')).toEqual([
    'flux-vae/ae.sft  500 MB  fetched, its hash is right: /h/ae.sft',
    '13 GB of 25 GB, 51 %, 500 MB/s, 24 s left',
    '',
  ]);
});

test('a wait is told with its reason', () => {
  const waiting = after(
    [0, planned],
    [0, { type: 'waiting', why: 'too many requests', seconds: 54.2 }],
  );
  expect(barLines(waiting, 1, 100, plain as never).at(-1)).toBe('too many requests; again in 55 s');
});
