import { describe, expect, test } from '@jest/globals';
import { serving } from './helpers/serve.js';

const serve = serving();

describe('/healthz', () => {
  test('is about the loop of the daemon: 200 while it turns, 503 once a turn is 5 s old', async () => {
    let now = 1000;
    const { get, engine } = await serve({ loop: () => now });
    engine.lastTurn = 1000;
    now = 5999;
    const young = await get('/healthz');
    expect(young.status).toBe(200);
    expect(await young.json()).toEqual({ status: 'ok', loop_age_seconds: 4.999, journal: 'ok' });
    now = 6000;
    const old = await get('/healthz');
    expect(old.status).toBe(503);
    expect(await old.json()).toMatchObject({ status: 'stalled', loop_age_seconds: 5 });
    expect(await (await get('/metrics')).text()).toContain('\nnightwarden_up 0\n');
    engine.lastTurn = now;
    expect((await get('/healthz')).status).toBe(200);
    expect(await (await get('/metrics')).text()).toContain('\nnightwarden_up 1\n');
  });

  test('a journal the disk refuses is told, and no reason to kill the daemon', async () => {
    const { get, engine } = await serve();
    engine.lastTurn = 1000;
    engine.journalHealth = { state: 'degraded', since: 1_700_000_000, code: 'ENOSPC', pending: 4 };
    const answer = await get('/healthz');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      status: 'ok',
      loop_age_seconds: 0,
      journal: 'degraded: ENOSPC since 2023-11-14T22:13:20.000Z, 4 events waiting',
    });
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('\nnightwarden_journal_degraded 1\n');
    expect(metrics).toContain('\nnightwarden_journal_pending_events 4\n');
  });
});

test('/readyz is 503 until start-up is over', async () => {
  let ready = false;
  const { get } = await serve({ ready: () => ready });
  expect((await get('/readyz')).status).toBe(503);
  ready = true;
  expect((await get('/readyz')).status).toBe(200);
});
