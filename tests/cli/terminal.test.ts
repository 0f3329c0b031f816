import { expect, test } from '@jest/globals';
import { recorded } from './helpers/streams.js';

test('lines stay above the live line, which is redrawn below them', () => {
  const { stream, out } = recorded(true);
  out.live('step 1');
  out.line('news');
  out.live('step 1');
  out.clear();
  expect(stream.text()).toBe('\rstep 1\x1b[K\r\x1b[Knews\n\rstep 1\x1b[K\r\x1b[K');
});

test('the live line never reaches the last column, where it would wrap', () => {
  const { stream, out } = recorded(true, 10);
  out.live('0123456789');
  expect(stream.text()).toBe('\r01234567…\x1b[K');
});

test('elsewhere than on a terminal there is no live line', () => {
  const { stream, out } = recorded(false);
  out.live('step 1');
  out.line('news');
  out.clear();
  expect(stream.text()).toBe('news\n');
});
