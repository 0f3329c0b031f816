import { describe, expect, test } from '@jest/globals';
import { endUnderScheduler } from '../../daemon/core/index.js';
import { Night } from './night.js';

const AWAY =
  "requests.exceptions.ConnectionError: (MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /api/models/x (Caused by NameResolutionError: Failed to resolve 'huggingface.co' ([Errno -3] Temporary failure in name resolution))\"), '(Request ID: 1)')";
const traceback = (error: string) => [
  'Traceback (most recent call last):',
  '  File "/app/train.py", line 3, in <module>',
  '    main()',
  error,
];

/** Ends each attempt with these words until `hours` have passed or nothing is tried any more. */
function without(network: string, hours: number, night = new Night().start()): Night {
  const end = night.wall + hours * 3600;
  while (night.wall < end && night.job.run.at !== 'failed') {
    if (night.job.run.at === 'running') night.exit({ code: 1 }, { tail: traceback(network) });
    night.skip(5).see({ is: 'tick' });
    if (night.does('prepare')) night.see({ is: 'prepared', job: 'lora', from: null }).spawned();
  }
  return night;
}

describe('a network that is away before the first step', () => {
  test.each([
    AWAY,
    'huggingface_hub.errors.LocalEntryNotFoundError: An error happened while trying to locate the file on the Hub and we cannot find the requested files in the local cache. Please check your connection and try again or make sure your Internet connection is on.',
    "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached files.",
    'httpx.ConnectTimeout: _ssl.c:993: The handshake operation timed out',
    'urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>',
    'ConnectionResetError: [Errno 104] Connection reset by peer',
    'huggingface_hub.errors.HfHubHTTPError: 503 Server Error: Service Temporarily Unavailable for url: https://huggingface.co/api',
  ])('is waited for: %s', (words) => {
    const night = new Night().start().exit({ code: 1 }, { tail: traceback(words) });
    expect(night.of('attempt_ended')).toMatchObject([{ cause: 'network' }]);
    expect(night.job.run).toMatchObject({ at: 'holding', cause: 'network' });
  });

  test('so is what transformers makes of it, by the warnings above', () => {
    const tail = [
      `'${AWAY}' thrown while requesting HEAD https://huggingface.co/openai/clip`,
      ...traceback("OSError: Can't load tokenizer for 'openai/clip-vit-large-patch14'."),
    ];
    const night = new Night().start().exit({ code: 1 }, { tail });
    expect(night.of('attempt_ended')).toMatchObject([{ cause: 'network' }]);
    expect(
      new Night()
        .start()
        .exit({ code: 1 }, { tail: tail.slice(1) })
        .of('attempt_ended'),
    ).toMatchObject([{ cause: 'crash' }]);
  });

  test.each([
    [
      'within the machine',
      'torch.distributed.DistNetworkError: The client socket has failed to connect to [localhost]:29500 (errno: 111 - Connection refused).',
    ],
    ['that was only warned of', 'ValueError: could not parse the caption of image 3'],
  ])('is not one %s', (_what, words) => {
    const tail = [
      `wandb: Network error (ConnectionError), entering retry loop: ${AWAY}`,
      ...traceback(words),
    ];
    const night = new Night().start().exit({ code: 1 }, { tail });
    expect(night.of('attempt_ended')).toMatchObject([{ cause: 'crash' }]);
  });

  test('after a step it is a crash like any other, resumed at once', () => {
    const night = new Night()
      .start()
      .steps(5, 1)
      .exit({ code: 1 }, { tail: traceback(AWAY) });
    expect(night.of('attempt_ended')).toMatchObject([{ cause: 'crash' }]);
    expect(night.job.run.at).toBe('starting');
  });

  test('is waited for over eight hours, ever less often, at the cost of no other budget', () => {
    const night = without(AWAY, 8);
    expect(['holding', 'running']).toContain(night.job.run.at);
    expect(night.job.attempt).toBeGreaterThan(45);
    expect(night.job.attempt).toBeLessThan(60);
    const { total, barren, spent } = night.job.budget;
    expect({ total, barren, crash: spent.crash }).toEqual({
      total: 0,
      barren: 0,
      crash: undefined,
    });
    const waits = night.of('job_holding').map(({ until = 0 }, i) => {
      const entry = night.entries.filter(({ type }) => type === 'job_holding')[i];
      return Math.round(until - (entry?.time ?? 0));
    });
    expect(waits.slice(0, 8)).toEqual([15, 30, 60, 120, 240, 480, 600, 600]);
    expect(night.rebuilt()).toEqual(night.core.state);
  });

  test('with the network back it goes on, and the first step is its recovery', () => {
    const night = without(AWAY, 1);
    night.pass(700, () => {
      if (night.does('prepare')) night.see({ is: 'prepared', job: 'lora', from: null }).spawned();
    });
    night.steps(3, 1);
    expect(night.of('recovered')).toMatchObject([{ cause: 'network' }]);
  });

  test('days of it come to an end, and not as permanent', () => {
    const night = without(AWAY, 72);
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'network' });
    expect(night.job.attempt).toBe(101);
    // Of another node a scheduler may hope for more.
    expect(endUnderScheduler(night.core.state)).toBe(33);
  });

  test('a wall clock that is set back lengthens no wait', () => {
    const night = new Night().start().exit({ code: 1 }, { tail: traceback(AWAY) });
    night.wall -= 7200;
    night.pass(1);
    expect(night.of('hold_ended')).toHaveLength(1);
  });
});
