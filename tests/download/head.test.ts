import { expect, test } from '@jest/globals';
import { headOf } from '../../daemon/tasks/download/head.js';

const head = (...lines: string[]) => headOf(lines.join('\r\n'));

test('status, headers whatever their case, and the length of the body', () => {
  expect(head('HTTP/1.1 206 Partial Content', 'Content-Length: 12', 'ETag:"x:y" ')).toEqual({
    status: 206,
    headers: { 'content-length': '12', etag: '"x:y"' },
    length: 12,
    kept: true,
  });
  expect(head('HTTP/1.1 429 ', 'content-length: 0')).toMatchObject({ status: 429, length: 0 });
});

test.each([
  ['no length', ['HTTP/1.1 200 OK']],
  [
    'chunks, whatever else it says',
    ['HTTP/1.1 200 OK', 'content-length: 5', 'transfer-encoding: chunked'],
  ],
  ['a length that is none', ['HTTP/1.1 200 OK', 'content-length: -5']],
  ['two lengths', ['HTTP/1.1 200 OK', 'content-length: 5, 5']],
])('%s: only its end would tell', (_, lines) => {
  expect(head(...lines).length).toBeNull();
});

test.each([[['HTTP/1.1 200 OK', 'connection: Close']], [['HTTP/1.0 200 OK']]])(
  'a connection that is not good for another: %j',
  (lines) => {
    expect(head(...lines).kept).toBe(false);
  },
);

test('what is no answer of HTTP/1.1 is refused', () => {
  expect(() => head('HTTP/2 200')).toThrow('no answer of HTTP/1.1');
  expect(() => head('SSH-2.0-OpenSSH')).toThrow('SSH-2.0');
});

test('a header named like a property of every object is a header like any other', () => {
  expect(head('HTTP/1.1 200 OK').headers['constructor']).toBeUndefined();
  expect(head('HTTP/1.1 200 OK', 'constructor: x').headers['constructor']).toBe('x');
});
