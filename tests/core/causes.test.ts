import { describe, expect, test } from '@jest/globals';
import { Night } from './night.js';

const checkpoint = { step: 40, path: '/out/step-40', bytes: 1000 };

/** What became of a first attempt that ended so; `steps` it had made before. */
function endOf(
  tail: readonly string[],
  over: {
    exit?: { code: number } | { signal: string };
    steps?: number;
    resumed?: boolean;
    oom_killed?: boolean;
    gpu_lost?: string;
  } = {},
) {
  const { exit = { code: 1 }, steps = 0, resumed = false, oom_killed = false, gpu_lost } = over;
  const night = new Night().start();
  if (resumed) night.exit({ signal: 'SIGKILL' }, { from: checkpoint }).spawned();
  if (steps > 0) night.steps(steps, 1);
  night.see({
    is: 'exited',
    job: 'lora',
    attempt: night.job.attempt,
    ending: {
      exit:
        'code' in exit ? { code: exit.code, signal: null } : { code: null, signal: exit.signal },
      tail,
      artefact: 'absent',
      rebooted: false,
      oom_killed,
      ...(gpu_lost === undefined ? {} : { gpu_lost }),
    },
    from: null,
    artefact_path: null,
  });
  const ended = night.of('attempt_ended').at(-1);
  return { night, cause: ended?.cause, reason: ended?.reason, run: night.job.run };
}

const causeOf = (...args: Parameters<typeof endOf>) => endOf(...args).cause;

/** As Python prints it, with a frame that quotes a line of the program. */
const raised = (error: string, quoted = 'train(args)'): string[] => [
  'Traceback (most recent call last):',
  '  File "/app/train.py", line 12, in main',
  `    ${quoted}`,
  ...error.split('\n'),
];
/** `accelerate launch` around it, which is what sd-scripts is started by. */
const accelerated = (how = 'returned non-zero exit status 1.'): string[] => [
  'Traceback (most recent call last):',
  '  File "/usr/local/bin/accelerate", line 8, in <module>',
  '    sys.exit(main())',
  '  File "/usr/lib/python3/site-packages/accelerate/commands/launch.py", line 1014, in simple_launcher',
  '    raise subprocess.CalledProcessError(returncode=process.returncode, cmd=cmd)',
  `subprocess.CalledProcessError: Command '['/usr/bin/python', 'flux_train_network.py']' ${how}`,
];

describe('the words of an end tell its cause', () => {
  test.each([
    ['oom', 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has'],
    ['oom', 'RuntimeError: CUDA error: out of memory'],
    ['oom', 'RuntimeError: CUDA driver error: out of memory'],
    ['oom', 'RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED'],
    ['oom', "torch.distributed.DistBackendError: NCCL error … Cuda failure 2 'out of memory'"],
    [
      'host_oom',
      "RuntimeError: [enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 8589934592 bytes.",
    ],
    ['host_oom', 'MemoryError'],
    [
      'host_oom',
      'numpy._core._exceptions._ArrayMemoryError: Unable to allocate 3.2 GiB for an array',
    ],
    ['host_oom', 'OSError: [Errno 12] Cannot allocate memory'],
    ['host_oom', 'RuntimeError: DataLoader worker (pid 71) is killed by signal: Killed. '],
    [
      'host_oom',
      "RuntimeError: DataLoader worker (pid 71) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.",
    ],
    [
      'host_oom',
      'RuntimeError: unable to write to file </torch_4711_1234_0>: No space left on device (28)',
    ],
    ['disk_full', 'OSError: [Errno 28] No space left on device'],
    [
      'disk_full',
      'safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })',
    ],
    [
      'disk_full',
      'RuntimeError: [enforce fail at inline_container.cc:626] . unexpected pos 256 vs 150',
    ],
    ['disk_full', 'OSError: [Errno 122] Disk quota exceeded'],
    ['nan', "RuntimeError: Function 'MulBackward0' returned nan values in its 0th output."],
    ['host_bad', 'RuntimeError: CUDA error: uncorrectable ECC error encountered'],
    ['crash', 'RuntimeError: CUDA error: an illegal memory access was encountered'],
  ])('%s: %s', (cause, line) => {
    expect(causeOf(raised(line), { steps: 5 })).toBe(cause);
    expect(causeOf([...raised(line), ...accelerated()], { steps: 5 })).toBe(cause);
  });

  test.each([
    ['permanent', "ModuleNotFoundError: No module named 'bitsandbytes'"],
    ['permanent', "ImportError: cannot import name 'cached_download' from 'huggingface_hub'"],
    ['permanent', "FileNotFoundError: [Errno 2] No such file or directory: '/data/dataset.toml'"],
    ['permanent', "PermissionError: [Errno 13] Permission denied: '/data'"],
    [
      'permanent',
      'OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/black-forest-labs/FLUX.1-dev.\n401 Client Error. (Request ID: Root=1-66f)',
    ],
    [
      'permanent',
      'huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error. (Request ID: Root=1)',
    ],
    [
      'permanent',
      "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find the requested files in the disk cache and outgoing traffic has been disabled. To enable hf.co look-ups and downloads online, set 'local_files_only' to False.",
    ],
  ])('before the first step, %s: %s', (cause, error) => {
    expect(causeOf(raised(error))).toBe(cause);
    expect(causeOf([...raised(error), ...accelerated()])).toBe(cause);
    // Later the same words are no proof that it would fail at once again.
    expect(causeOf(raised(error), { steps: 5 })).toBe('crash');
  });

  test.each([
    'usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --lerning-rate',
    "python3: can't open file '/app/trian.py': [Errno 2] No such file or directory",
    'sh: 1: exec: no-such-trainer: not found',
  ])('without a traceback: %s', (text) => {
    expect(causeOf(text.split('\n'), { exit: { code: 2 } })).toBe('permanent');
  });
});

describe('what a warning said is not what it ended by', () => {
  const warnings = [
    'Could not load dynamic library: libcudart.so.11.0: cannot open shared object file: No such file or directory',
    'ImportError: xformers is not installed; going on without it',
    'WARNING: triton not found',
  ];

  test.each([
    'RuntimeError: CUDA error: an illegal memory access was encountered',
    'ValueError: could not parse the caption of image 3',
  ])('above a traceback: %s', (error) => {
    expect(causeOf([...warnings, ...raised(error)])).toBe('crash');
  });

  test('before a signal', () => {
    expect(causeOf(warnings, { exit: { signal: 'SIGSEGV' } })).toBe('crash');
    expect(causeOf(warnings, { exit: { code: 1 } })).toBe('permanent');
  });

  test('nor what the program quotes in a frame', () => {
    const tail = raised('ValueError: bad value', "raise FileNotFoundError: 'x'  # MemoryError");
    expect(causeOf(tail)).toBe('crash');
  });

  test('nor what an expected exception said, from which another followed', () => {
    const tail = [
      ...raised("ModuleNotFoundError: No module named 'xformers'"),
      '',
      'During handling of the above exception, another exception occurred:',
      '',
      ...raised('ValueError: could not parse the caption of image 3'),
    ];
    expect(causeOf(tail)).toBe('crash');
  });

  test('but the error that cleaning up followed from is its cause', () => {
    const tail = [
      ...raised('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.'),
      '',
      'During handling of the above exception, another exception occurred:',
      '',
      ...raised("AttributeError: 'NoneType' object has no attribute 'finish'"),
    ];
    expect(causeOf(tail)).toBe('oom');
  });
});

describe('a launcher', () => {
  test('is not what failed: the reason is the trainer’s own', () => {
    const { reason } = endOf([...raised('ValueError: bad caption'), ...accelerated()]);
    expect(reason).toBe('exited with status 1: ValueError: bad caption');
  });

  test('says by which signal its trainer was ended', () => {
    const tail = [...raised('OSError: [Errno 28] No space left on device')];
    const killed = accelerated('died with <Signals.SIGKILL: 9>.');
    const { cause, reason } = endOf([...tail, 'steps: 5%', ...killed], { steps: 5 });
    expect({ cause, reason }).toMatchObject({ cause: 'crash' });
    expect(reason).toMatch(/^killed by SIGKILL/);
    expect(causeOf(killed, { steps: 5, oom_killed: true })).toBe('host_oom');
  });

  test('torchrun tells both in its own words', () => {
    const tail = [
      ...raised('ValueError: bad caption').map((line) => `[rank0]: ${line}`),
      'E1127 06:51:27 140 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: 1) local_rank: 0 (pid: 12) of binary: /usr/bin/python3',
      ...raised('torch.distributed.elastic.multiprocessing.errors.ChildFailedError: '),
      '============================================================',
      'train.py FAILED',
      '  exitcode  : 1 (pid: 12)',
      '  error_file: <N/A>',
    ];
    expect(endOf(tail).reason).toBe('exited with status 1: ValueError: bad caption');
    const killed = [...tail.slice(5), '  traceback : Signal 9 (SIGKILL) received by PID 12'];
    expect(endOf(killed, { steps: 5 }).reason).toMatch(/^killed by SIGKILL/);
  });
});

describe('a checkpoint that cannot be loaded', () => {
  const torn = raised(
    'safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer',
  );

  test('is moved away when it was what the attempt went on from, before its first step', () => {
    const { night, cause } = endOf(torn, { resumed: true });
    expect(cause).toBe('corrupt');
    expect(night.does('quarantine')).toBe(true);
  });

  test('after a step it had been loaded', () => {
    const { night, cause } = endOf(torn, { resumed: true, steps: 45 });
    expect(cause).toBe('crash');
    expect(night.does('quarantine')).toBe(false);
  });

  test('where none was given it is a file of somebody else’s, and none is moved', () => {
    const { night, cause } = endOf(torn);
    expect(cause).toBe('corrupt');
    expect(night.does('quarantine')).toBe(false);
  });
});

test('exit status 0 with a traceback is what the traceback says', () => {
  const exit = { code: 0 };
  expect(causeOf(raised("ModuleNotFoundError: No module named 'torch'"), { exit })).toBe(
    'permanent',
  );
  expect(causeOf(['saved nothing'], { exit })).toBe('exit_early');
});

test('a GPU that nvidia-smi does not find any more is the host’s fault, whatever was said', () => {
  const { cause, run } = endOf(raised('RuntimeError: CUDA error: unspecified launch failure'), {
    steps: 5,
    gpu_lost: 'GPU-5e21 is not there any more: No devices were found',
  });
  expect(cause).toBe('host_bad');
  expect(run).toMatchObject({ at: 'holding', cause: 'host_bad' });
});
