import { expect, test } from '@jest/globals';
import { serving } from './helpers/serve.js';

const serve = serving();

const door = (asked: unknown[]) => ({
  list: () => [
    {
      id: 'd1',
      models: ['m'],
      state: 'running' as const,
      reason: null,
      remedy: null,
      progress: null,
      now: null,
    },
  ],
  want: async (wanted: { models: readonly string[] }) => {
    asked.push(wanted);
    return wanted.models.includes('n')
      ? { ok: false as const, error: 'there is no model named n' }
      : { ok: true as const, id: 'd2' };
  },
  stop: async (id: string) => void asked.push(id),
});

test('downloads are asked for, looked at and called off', async () => {
  const asked: unknown[] = [];
  const { get, post } = await serve({ downloads: door(asked) });
  const list = (await (await get('/api/downloads')).json()) as { downloads: { id: string }[] };
  expect(list.downloads.map(({ id }) => id)).toEqual(['d1']);
  const made = await post('/api/downloads', { models: ['m'], cache: true });
  expect([made.status, await made.json()]).toEqual([201, { id: 'd2' }]);
  expect((await post('/api/downloads/d1/stop')).status).toBe(200);
  expect((await post('/api/downloads/d9/stop')).status).toBe(404);
  expect(asked).toEqual([{ models: ['m'], cache: true, replace: false }, 'd1']);
});

test.each([
  [{ models: ['n'] }, 'there is no model named n'],
  [{ models: [] }, 'expected a list of names'],
  [{ models: 'm' }, 'expected a list of names'],
  [{ models: [3] }, 'expected a list of names'],
  [{}, 'expected a list of names'],
])('%j is refused', async (body, said) => {
  const { post } = await serve({ downloads: door([]) });
  const answer = await post('/api/downloads', body);
  expect(answer.status).toBe(400);
  expect(((await answer.json()) as { error: string }).error).toContain(said);
});
