import type { Cause } from './causes.js';

export interface Pattern {
  readonly cause: Cause;
  readonly line: RegExp;
  readonly remedy: string;
  /** Proof only of a failure before the first step, and only where the words were the last: later, and
   * in warnings, they have other reasons. */
  readonly early?: true;
}

export const OLDER = 'An older checkpoint is used.';
export const DISK_REMEDY = 'Free space on the volume, or lower how many checkpoints are kept.';
export const NAN_REMEDY = 'Lower the learning rate, or look for a broken image in the dataset.';
export const HOST_RAM_REMEDY = 'Use fewer data-loader workers, or a pod with more RAM.';
const DISK_FULL =
  /No space left on device|ENOSPC|Disk quota exceeded|EDQUOT|PytorchStreamWriter failed writing file|inline_container\.cc.*unexpected pos \d+ vs \d+/;
/** Memory by another name: what data loaders hand over lies in /dev/shm. */
const SHARED_MEMORY =
  /insufficient shared memory \(shm\)|workers are out of shared memory|(shared memory (object|file)|unable to (write to|open|allocate|resize)).*<?\/torch_|(No space left on device|ENOSPC).*\/dev\/shm|\/dev\/shm.*(No space left on device|ENOSPC)/;

export const tellsOfFullDisk = (text: string): boolean =>
  DISK_FULL.test(text) && !SHARED_MEMORY.test(text);

/** The other side of a connection within the machine is no matter of the network. */
const WITHIN = /localhost|127\.0\.0\.1|\[::1\]|\[c10d\]|TCPStore/;
const NETWORK =
  /Temporary failure in name resolution|Name or service not known|No address associated with hostname|nodename nor servname|NameResolutionError|Failed to resolve '|Max retries exceeded with url|HTTPS?ConnectionPool\(.*(timed out|Failed to establish|Connection)|(Connect|Read|Pool)Timeout\b|ConnectError\b|RemoteProtocolError|Network is unreachable|No route to host|Connect(ion)? (reset|refused|aborted|timed out)|Connection broken|Remote end closed connection|Read timed out|ClientConnector\w*Error|ServerDisconnectedError|couldn't connect to 'https?:|Please check your connection and try again|(429 Client|50[0234] Server) Error|SSLEOFError|UNEXPECTED_EOF_WHILE_READING/;

/** Whether the words of an error are those of a network that is away. */
export const tellsOfNetwork = (text: string): boolean => NETWORK.test(text) && !WITHIN.test(text);

export const NETWORK_REMEDY =
  'Nothing, if the network comes back. What the training asks for can be fetched ahead: `nightwarden download`.';

/** Messages as the programs print them; the first match from the end of the output wins. */
export const PATTERNS: readonly Pattern[] = [
  {
    cause: 'oom',
    line: /\bOutOfMemoryError\b|(CUDA|HIP) out of memory|CUDA (driver )?error: out of memory|C(UBLAS|UDNN)_STATUS_ALLOC_FAILED|cudaErrorMemoryAllocation|Cuda failure.*'out of memory'/,
    remedy: 'Lower the batch size or the resolution, or turn on gradient checkpointing.',
  },
  {
    cause: 'host_oom',
    line: SHARED_MEMORY,
    remedy: 'Use fewer data-loader workers, or give the container more shared memory (--shm-size).',
  },
  {
    cause: 'host_oom',
    line: /DefaultCPUAllocator: can't allocate memory|Cannot allocate memory|^MemoryError\b|_ArrayMemoryError|std::bad_alloc|DataLoader worker \(pid.*\) is killed by signal: Killed/,
    remedy: HOST_RAM_REMEDY,
  },
  { cause: 'disk_full', line: DISK_FULL, remedy: DISK_REMEDY },
  {
    cause: 'nan',
    line: /NaN detected in|loss is nan|Loss is NaN|found NaN or Inf|Function '\w+' returned nan values/i,
    remedy: 'Lower the learning rate, or leave out the image that the log names.',
  },
  {
    cause: 'host_bad',
    line: /GPU has fallen off the bus|GPU is lost|Unable to determine the device handle|uncorrectable ECC error|NVML: Unknown Error|Failed to initialize NVML|Driver\/library version mismatch/,
    remedy: 'This machine needs to be replaced: start the job on another pod.',
  },
  {
    cause: 'corrupt',
    line: /PytorchStreamReader failed|SafetensorError|invalid header or archive is corrupted|unexpected EOF, expected \d+ more bytes|UnpicklingError|EOFError: Ran out of input|BadZipFile|cannot resume from .+: torn\b/,
    remedy: OLDER,
    early: true,
  },
  {
    cause: 'corrupt',
    line: /No such file or directory: '.*(-state|checkpoint-\d+)\/(model|optimizer|scheduler|random_states|pytorch_lora)/,
    remedy: OLDER,
    early: true,
  },
  {
    cause: 'permanent',
    line: /ModuleNotFoundError: .+|ImportError: .+/,
    remedy: 'Install what is missing into the environment the command runs in.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /error: unrecognized arguments: .+|error: the following arguments are required: .+|error: argument .+|error: invalid choice: .+|unknown option .+|No such option.+/,
    remedy: 'Correct the command in the job file.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /GatedRepoError.*|gated repo\b.*|Access to model .+ is restricted.*|401 Client Error.*|403 Client Error.*/,
    remedy: 'Accept the licence on the page of the model and give a token, or use a public mirror.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /RepositoryNotFoundError.*|EntryNotFoundError: 404.*|RevisionNotFoundError.*|404 Client Error.*/,
    remedy: 'Correct the name of the model; a private one needs a token.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /outgoing traffic has been disabled|OfflineModeIsEnabled|offline mode is enabled/,
    remedy:
      'Fetch its models ahead (`nightwarden download`, --cache), or unset HF_HUB_OFFLINE in the job file.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /FileNotFoundError: .+|No such file or directory.*|can't open file .+|not found$|Permission denied/,
    remedy: 'Correct the path in the job file, or make the file readable.',
    early: true,
  },
  { cause: 'permanent', line: /SyntaxError: .+/, remedy: 'Correct the program.', early: true },
];

/** Errors of the device, its links, the network or a volume. They come back word for word, since the words
 * are the driver's, and say nothing of the program: two in a row before a step are no proof that a third
 * will follow. (ByteRobust, SOSP 2025: a CUDA error is the commonest fault, and a restart mends most.) */
const TRANSIENT =
  /CUDA (driver )?error: (an illegal memory access|unspecified launch failure|misaligned address|the launch timed out|unknown error|initialization error|CUDA-capable device\(s\) is\/are busy)|cudaError(IllegalAddress|LaunchFailure|LaunchTimeout|Unknown)|CUBLAS_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR|NOT_INITIALIZED)|CUDNN_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR)|NCCL (error|timeout)|collective operation timeout|nccl(System|Remote|Internal|UnhandledCuda)Error|DataLoader worker \(pid.*\) (exited unexpectedly|is killed by signal)|\[Errno 5\] Input\/output error|Stale file handle|Transport endpoint is not connected/;

export const isTransient = (text: string): boolean => TRANSIENT.test(text) || NETWORK.test(text);
