import { expect, test } from '@jest/globals';
import { jobDownload } from '../../daemon/core/index.js';
import { Night, spec } from './night.js';

const models = ['flux-dev'];
const download = jobDownload('lora');
const asked = { do: 'download', download, models, cache: false, replace: false };
const done = { is: 'finished', files: 3, bytes: 24 } as const;
const up = { is: 'daemon_up', pid: 2, version: '1', boot_id: 'b' } as const;
const queued = (): Night => new Night().see({ is: 'queue', spec: spec({ models }) });

test('a job that names models has them fetched before its first attempt, once', () => {
  const night = queued();
  expect(night.commands).toEqual([asked]);
  expect(night.job.run).toEqual({ at: 'downloading' });
  night.pass(60);
  expect(night.of('models_wanted')).toHaveLength(1);
  night.see({ is: 'downloaded', download, end: done });
  expect(night.does('prepare')).toBe(true);
  night.see({ is: 'prepared', job: 'lora', from: null }).spawned();
  expect(night.job.run.at).toBe('running');
  night.exit({ code: 1 });
  expect(night.of('models_wanted')).toHaveLength(1);
  expect(night.rebuilt()).toEqual(night.core.state);
});

test('the next daemon goes on with what the last one had under way', () => {
  const night = queued();
  night.see({ is: 'download_wanted', download: 'd1', models: ['b'], cache: true, replace: false });
  night.see(up);
  expect(night.commands).toEqual([
    { do: 'download', download: 'd1', models: ['b'], cache: true, replace: false },
    asked,
  ]);
  night.see({ is: 'downloaded', download: 'd1', end: done });
  night.see({ is: 'downloaded', download, end: done });
  night.see(up);
  expect(night.commands.filter((command) => command.do === 'download')).toEqual([]);
  expect(night.core.state.downloads?.['d1']?.end).toEqual(done);
  expect(night.rebuilt()).toEqual(night.core.state);
});

test('what cannot be had fails the job with its reason; resumed, it is tried again', () => {
  const night = queued();
  const end = { is: 'failed', reason: 'it is gated', remedy: 'Give a token.' } as const;
  night.see({ is: 'downloaded', download, end });
  expect(night.job.run).toMatchObject({ at: 'failed', reason: 'it is gated' });
  expect(night.job.attempt).toBe(0);
  night.see({ is: 'resume', job: 'lora' });
  expect(night.commands).toEqual([asked]);
});

test('a network that is away is waited for, and the download asked for again', () => {
  const night = queued();
  const end = { is: 'failed', reason: 'no byte', remedy: 'Nothing.', away: true } as const;
  for (let hour = 1; hour <= 14; hour += 1) {
    night.skip(3600).see({ is: 'downloaded', download, end });
    const held = hour < 14;
    if (held) expect(night.job.run).toMatchObject({ at: 'holding', cause: 'network' });
    night.pass(601);
    if (held) expect(night.job.run.at).toBe('downloading');
  }
  expect(night.of('models_wanted').length).toBeGreaterThan(10);
  expect(night.job.run).toMatchObject({ at: 'failed', cause: 'network' });
  expect(night.rebuilt()).toEqual(night.core.state);
});

test('stopped while it downloads: the download is called off, and its late outcome starts nothing', () => {
  const night = queued();
  night.see({ is: 'stop', job: 'lora' });
  expect(night.commands).toContainEqual({ do: 'cancel_download', download });
  expect(night.job.run.at).toBe('stopped');
  night.see({ is: 'downloaded', download, end: done });
  expect(night.job.run.at).toBe('stopped');
  expect(night.does('prepare')).toBe(false);
});

test('while it downloads, the job holds its place before the others', () => {
  const night = queued();
  night.see({ is: 'queue', spec: spec({ name: 'next' }) });
  night.pass(5);
  expect(night.does('prepare')).toBe(false);
  night.see({ is: 'downloaded', download, end: done });
  expect(night.commands).toEqual([{ do: 'prepare', job: 'lora', below: null }]);
});

test('one without a job can be called off; the oldest that ended are forgotten', () => {
  const night = new Night();
  for (let i = 0; i < 30; i++) {
    night.see({ is: 'download_wanted', download: `d${i}`, models, cache: false, replace: false });
    night.see({ is: 'download_unwanted', download: `d${i}` });
    expect(night.commands).toEqual([{ do: 'cancel_download', download: `d${i}` }]);
  }
  expect(Object.keys(night.core.state.downloads ?? {}).length).toBeLessThanOrEqual(21);
  expect(night.core.state.downloads?.['d29']?.end).toEqual({ is: 'stopped' });
});
