import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { night, progress, SmallEngine } from './helpers/night.js';
import { type Served, serving } from './helpers/serve.js';

const serve = serving();

/** The samples as a map from `name{labels}` without the prefix to the value. */
async function scrape({ get }: Pick<Served, 'get'>): Promise<Map<string, number>> {
  const answer = await get('/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && line[0] !== '#');
  return new Map(
    lines.map((line) => {
      const cut = line.lastIndexOf(' ');
      return [line.slice(0, cut).replace(/^nightwarden_/, ''), Number(line.slice(cut + 1))];
    }),
  );
}

const GPU = {
  uuid: 'GPU-1',
  name: 'NVIDIA RTX',
  driver: '550.1',
  utilization_ratio: 0.97,
  memory_used_bytes: 2e10,
  memory_total_bytes: 2.4e10,
  temperature_celsius: 71,
  power_draw_watts: 310.5,
  power_limit_watts: null,
};

function reportAll({ server: { metrics } }: Served): void {
  metrics.downloaded('flux-dev', 1000);
  metrics.downloaded('flux-dev', 24);
  metrics.downloadSize('flux-dev', 4096);
  metrics.notified('email', 'sent');
  metrics.gpus([GPU]);
  metrics.xid('GPU-1', 79);
}

describe('the samples', () => {
  test('are read from the fold', async () => {
    const served = await serve();
    served.engine.add({ type: 'daemon_started', pid: 1, version: '1', boot_id: 'b' });
    served.engine.add(...night('my-lora'));
    const samples = await scrape(served);
    const expected = {
      up: 1,
      [`build_info{version="1.2.3",node="${process.versions.node}"}`]: 1,
      daemon_starts_total: 1,
      journal_degraded: 0,
      host_bad: 0,
      'job_state{job="my-lora",state="running"}': 1,
      'job_state{job="my-lora",state="suspect"}': 0,
      'job_state{job="my-lora",state="downloading"}': 0,
      'step{job="my-lora"}': 110,
      'target_steps{job="my-lora"}': 500,
      'last_step_timestamp_seconds{job="my-lora"}': 1016,
      'loss{job="my-lora"}': 0.25,
      'phase{job="my-lora",phase="step"}': 0,
      'phase{job="my-lora",phase="other"}': 1,
      'attempts_total{job="my-lora",cause="start"}': 1,
      'attempts_total{job="my-lora",cause="hang"}': 1,
      'attempts_total{job="my-lora",cause="crash"}': 0,
      'hangs_total{job="my-lora"}': 1,
      'recoveries_total{job="my-lora"}': 1,
      'trainer_continued_total{job="my-lora"}': 1,
      'lost_steps_total{job="my-lora"}': 7,
      'useful_seconds_total{job="my-lora"}': 6,
      'ettr_ratio{job="my-lora",window="all"}': 6 / 97,
      'ettr_ratio{job="my-lora",window="1h"}': 6 / 97,
      'suspicions_total{job="my-lora"}': 2,
      'suspicions_self_resolved_total{job="my-lora"}': 1,
      'checkpoint_last_step{job="my-lora"}': 100,
      'checkpoint_last_timestamp_seconds{job="my-lora"}': 1007,
      'checkpoint_bytes{job="my-lora"}': 4096,
      'checkpoints_quarantined_total{job="my-lora"}': 1,
      'hang_detection_seconds_sum{job="my-lora"}': 12.5,
      'hang_detection_seconds_bucket{le="10",job="my-lora"}': 0,
      'hang_detection_seconds_bucket{le="20",job="my-lora"}': 1,
      'recovery_seconds_count{job="my-lora"}': 1,
      // 107 steps and 10 steps of 0.4 s each.
      'step_duration_seconds_count{job="my-lora"}': 117,
      'step_duration_seconds_bucket{le="0.2",job="my-lora"}': 0,
      'step_duration_seconds_bucket{le="0.5",job="my-lora"}': 117,
    };
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, samples.get(key)]))).toEqual(
      expected,
    );
    const states = [...samples].filter(([key]) => key.startsWith('job_state{'));
    expect(states).toHaveLength(10);
    expect(states.reduce((sum, [, value]) => sum + value, 0)).toBe(1);
  });

  test('tell where the follow-ups of a job stand, and nothing of those not asked for', async () => {
    const served = await serve();
    served.engine.add(...night('a'), ...night('b'));
    served.engine.add({ type: 'task_queued', job: 'a', task: 'publish', spec: {} });
    const id = served.engine.state.jobs['a']!.tasks!.publish!.id;
    served.engine.add(
      { type: 'task_started', job: 'a', task: 'publish', id, try: 1 },
      {
        type: 'task_failed',
        job: 'a',
        task: 'publish',
        id,
        try: 1,
        reason: 'the Hub is away',
        remedy: '',
        retry_at: 2000,
      },
    );
    const tasks = [...(await scrape(served))].filter(([key]) => key.startsWith('task_'));
    expect(Object.fromEntries(tasks)).toEqual({
      'task_state{job="a",task="publish",state="running"}': 0,
      'task_state{job="a",task="publish",state="waiting"}': 1,
      'task_state{job="a",task="publish",state="done"}': 0,
      'task_state{job="a",task="publish",state="failed"}': 0,
      'task_tries{job="a",task="publish"}': 1,
    });
  });

  test('absent facts have none, and a job that is queued again goes on counting', async () => {
    const served = await serve();
    served.engine.add(...night('a'));
    await scrape(served);
    served.engine.add(
      { type: 'job_finished', job: 'a', step: 500, artefact: null },
      ...night('a').slice(0, 1),
    );
    const samples = await scrape(served);
    const names = [...samples.keys()].filter((key) => key.includes('job="a"'));
    for (const absent of ['step{', 'loss{', 'last_step_', 'ettr_', 'checkpoint_', 'eta_']) {
      expect(names.filter((name) => name.startsWith(absent))).toEqual([]);
    }
    expect(samples.get('job_state{job="a",state="queued"}')).toBe(1);
    const before = await scrape(await serveNight());
    for (const [key, value] of before) {
      if (/^[a-z_]+_total\{job="a"/.test(key))
        expect([key, samples.get(key)]).toEqual([key, value]);
    }
    served.engine.add(...night('a').slice(1));
    const twice = await scrape(served);
    expect(before.get('hangs_total{job="a"}')).toBe(1);
    expect(twice.get('hangs_total{job="a"}')).toBe(2);
    expect(twice.get('attempts_total{job="a",cause="start"}')).toBe(2);
  });

  const serveNight = async () => {
    const served = await serve();
    served.engine.add(...night('a'));
    return served;
  };

  test('counters are those of the journal: scraping twice or restarting the daemon changes none', async () => {
    const first = await serve();
    first.engine.add(...night('a'), ...night('b'));
    const counters = (samples: Map<string, number>) =>
      [...samples].filter(([key]) => /^[a-z_]+_total\{job=/.test(key));
    const before = counters(await scrape(first));
    expect(before.length).toBeGreaterThan(40);
    expect(counters(await scrape(first))).toEqual(before);
    const [one, two] = await Promise.all([scrape(first), scrape(first)]);
    expect(counters(one)).toEqual(before);
    expect(counters(two)).toEqual(before);

    const restarted = new SmallEngine();
    restarted.state = first.engine.state;
    const second = await serve({ engine: restarted });
    expect(counters(await scrape(second))).toEqual(before);
  });

  test('odd names cannot break the exposition', async () => {
    const served = await serve();
    served.engine.add(...night('a"b\\c'));
    expect((await scrape(served)).get('hangs_total{job="a\\"b\\\\c"}')).toBe(1);
  });

  test('other tasks report; before they do there is HELP and TYPE alone', async () => {
    const served = await serve({ diskPaths: [tmpdir()] });
    const silent = await (await served.get('/metrics')).text();
    expect(silent).toMatch(/# TYPE nightwarden_gpu_temperature_celsius gauge\n\n/);
    expect(silent).not.toMatch(/^nightwarden_(gpu|download|notifications)_/m);
    reportAll(served);
    const samples = await scrape(served);
    expect(samples.get('download_bytes_total{model="flux-dev"}')).toBe(1024);
    expect(samples.get('download_size_bytes{model="flux-dev"}')).toBe(4096);
    expect(samples.get('notifications_total{channel="email",outcome="sent"}')).toBe(1);
    expect(samples.get('gpu_info{uuid="GPU-1",name="NVIDIA RTX",driver="550.1"}')).toBe(1);
    expect(samples.get('gpu_temperature_celsius{uuid="GPU-1"}')).toBe(71);
    expect(samples.has('gpu_power_limit_watts{uuid="GPU-1"}')).toBe(false);
    expect(samples.get('gpu_xid_errors_total{uuid="GPU-1",xid="79"}')).toBe(1);
    served.server.metrics.gpus([]);
    expect([...(await scrape(served)).keys()].filter((key) => key.includes('GPU-1'))).toEqual([
      'gpu_xid_errors_total{uuid="GPU-1",xid="79"}',
    ]);
  });

  test('a part that fails costs its own samples and one line of log', async () => {
    const served = await serve();
    served.engine.add(...night('a'));
    const broken = { ...served.engine.state, jobs: { a: null as never } };
    served.engine.state = broken;
    await scrape(served);
    const samples = await scrape(served);
    expect(samples.get('scrape_errors_total{part="jobs"}')).toBe(2);
    expect(samples.get('up')).toBe(1);
    expect(served.logged).toHaveLength(1);
  });

  test('what is no duration is not observed, and a flood of steps is bounded', async () => {
    const served = await serve();
    served.engine.add(...night('a').slice(0, 3));
    const hang = { type: 'hang_confirmed', job: 'a', attempt: 1, phase: 'step', why: '' } as const;
    for (const silent_seconds of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      served.engine.add({ ...hang, silent_seconds });
    }
    served.engine.add(progress('a', 1, 5_000_000, 5_000_000));
    expect((await scrape(served)).has('hang_detection_seconds_count{job="a"}')).toBe(false);
    expect((await scrape(served)).get('step_duration_seconds_count{job="a"}')).toBe(10_000);
    expect(served.logged).toEqual([]);
  });

  test('one slow step among fast ones is seen; steps that nobody timed are not', async () => {
    const served = await serve();
    served.engine.add(...night('a').slice(0, 3));
    const steps = progress('a', 1, 10, 10) as Extract<
      ReturnType<typeof progress>,
      { bins: unknown }
    >;
    // 87 is the bin of 0.4 s, 131 that of 26 s.
    served.engine.add({ ...steps, bins: { 87: 9, 131: 1 } }, { ...steps, bins: {} });
    const samples = await scrape(served);
    expect(samples.get('step_duration_seconds_bucket{le="0.5",job="a"}')).toBe(9);
    expect(samples.get('step_duration_seconds_bucket{le="20",job="a"}')).toBe(9);
    expect(samples.get('step_duration_seconds_bucket{le="60",job="a"}')).toBe(10);
    expect(samples.get('step_duration_seconds_count{job="a"}')).toBe(10);
  });

  test('a closed server no longer listens to the engine', async () => {
    const { server, engine } = await serve();
    expect(engine.readers).toBe(1);
    await server.close();
    expect(engine.readers).toBe(0);
  });
});

describe('the exposition', () => {
  const promtool = spawnSync('promtool', ['--version']).status === 0;
  if (!promtool) {
    process.stdout.write('promtool is not installed: its check of the metrics is skipped\n');
  }
  const check = (input: string) => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    return { status, said: stdout + stderr };
  };

  (promtool ? test : test.skip)('promtool finds nothing, with every metric in use', async () => {
    expect(check('# TYPE a_total gauge\na_total 1\n').status).not.toBe(0);
    const served = await serve({ diskPaths: [tmpdir()] });
    expect(check(await (await served.get('/metrics')).text())).toEqual({ status: 0, said: '' });
    served.engine.add(...night('a'), ...night('b'));
    served.engine.add({ type: 'task_queued', job: 'a', task: 'publish', spec: {} });
    reportAll(served);
    expect(check(await (await served.get('/metrics')).text())).toEqual({ status: 0, said: '' });
  });

  test('docs/metrics.md lists exactly what there is', async () => {
    const { server } = await serve();
    const text = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const table = text.slice(text.indexOf('## All metrics'), text.indexOf('## How to read'));
    const rows = table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    const ticked = (labels: readonly string[]) =>
      labels.length === 0 ? 'none' : labels.map((label) => `\`${label}\``).join(', ');
    expect(rows.map(([name, type, labels, , help]) => ({ name, type, labels, help }))).toEqual(
      server.metrics.describe().map(({ name, type, labels, help }) => ({
        name: `\`${name}\``,
        type,
        labels: ticked(labels),
        help,
      })),
    );
    for (const [name = '', , , unit = ''] of rows) {
      const bare = name.replace(/`/g, '').replace(/_total$/, '');
      if (bare.endsWith('_bytes')) expect([name, unit]).toEqual([name, 'bytes']);
      if (bare.endsWith('_seconds')) expect(unit).toMatch(/^(Unix )?seconds$/);
      expect(unit).not.toBe('');
    }
  });
});
