import { ask, isThere } from './ask.js';

export interface GpuQuestion {
  /** UUIDs of the GPUs that were there; none where that is not known. */
  readonly expected: readonly string[];
  /** Seconds after boot from which the kernel's lines count; null for none of them. */
  readonly since_seconds: number | null;
  readonly command?: string;
  readonly kernel?: string;
  readonly withinMs?: number;
}

const WITHIN_MS = 5000;
/** nvidia-smi's words for a GPU or a driver that is gone. */
const GONE =
  /Unable to determine the device handle.*|.*GPU is lost.*|Failed to initialize NVML.*|.*couldn't communicate with the NVIDIA driver.*|.*fallen off the bus.*/;
/** Xids after which the GPU does nothing more before it is reset (NVIDIA, "Xid Errors"): ECC (48, 64, 95),
 * its own processors (62, 119, 120), the bus (79). */
const FATAL_XID = /^\[\s*([\d.]+)\].*NVRM: Xid \([^)]*\): (48|62|64|79|95|119|120)\b/;

/** Why a GPU of this machine is gone for good, in one line; null where all are there, or nobody can say:
 * no nvidia-smi, or a silent one, is no evidence. Never rejects. */
export async function gpuLost(question: GpuQuestion): Promise<string | null> {
  const { command = 'nvidia-smi', kernel = 'dmesg', withinMs = WITHIN_MS } = question;
  const [shown, lines] = await Promise.all([
    isThere(command).then((there) =>
      there ? ask(command, ['--query-gpu=uuid', '--format=csv,noheader'], withinMs) : null,
    ),
    question.since_seconds === null ? null : ask(kernel, [], withinMs),
  ]);
  const xid = xidSince(lines?.out ?? '', question.since_seconds ?? 0);
  if (xid !== null) return xid;
  if (shown === null) return null;
  const gone = GONE.exec(`${shown.out}\n${shown.err}`);
  if (gone !== null) return `nvidia-smi: ${gone[0].trim()}`;
  const there = shown.out.split('\n').map((line) => line.trim());
  const missing = question.expected.filter((uuid) => !there.includes(uuid));
  // One that fails for another reason says nothing of the GPUs.
  const told = shown.code === 0 || /No devices were found/.test(shown.out);
  return told && missing.length > 0
    ? `nvidia-smi does not find ${missing.join(', ')} any more`
    : null;
}

function xidSince(text: string, seconds: number): string | null {
  const line = text.split('\n').findLast((one) => {
    const at = FATAL_XID.exec(one)?.[1];
    return at !== undefined && Number(at) >= seconds;
  });
  return line === undefined ? null : line.replace(/^\[[^\]]*\]\s*/, '').slice(0, 200);
}
