import type { Reader } from './reader.js';
import type { TensorSpan } from './safetensors.js';
import type { FileFault } from './types.js';
import { allZero, endOfData } from './zeros.js';

/**
 * A torn safetensors file can have its full size and a tail of zeros: the writer sets the length
 * first and fills the file afterwards (safetensors pull request #764, issue #762), and a file
 * system that loses a page gives zeros for it. But tensors of zeros are also written on purpose:
 * the second LoRA factor before the first step or in a module that gets no gradient, the Adam
 * moments of such a module. The rule:
 *
 * 1. Fewer than MIN_RUN zero bytes at the end say nothing.
 * 2. Nothing but zeros in all tensors: torn. No trainer saves that; a LoRA has one factor that
 *    is random from the start.
 * 3. The zeros start in the middle of a floating-point tensor: torn when they fill MIN_INSIDE
 *    bytes of it, fewer (MIN_RUN) when they start at a page boundary, where a torn write starts.
 *    For integer and boolean tensors (masks, counters, random states) both a page boundary and a
 *    page of zeros are asked for.
 * 4. The zeros start with a tensor. One tensor of zeros is sound: it cannot be told from an
 *    untrained factor. Several are torn when one of them plays a role (`lora_A.weight`) whose
 *    other holders, outside the run, are all non-zero; a role that is zero elsewhere too, or is
 *    found nowhere else, is believed.
 */
const MIN_RUN = 64;
const MIN_INSIDE = 256;
const PAGE = 4096;
/** A dense tensor's last bytes before a lost page may happen to be zero: two f64 elements. */
const PAGE_SLACK = 16;
const MAX_PEERS = 64;

/** @param tensors non-empty ones in file order, contiguous from `dataStart` to the end of the file */
export async function checkZeroTail(
  reader: Reader,
  tensors: readonly TensorSpan[],
  dataStart: number,
): Promise<FileFault | null> {
  const from = await endOfData(reader, dataStart);
  const judgement = judgeZeroTail(tensors, from, reader.size);
  if (judgement.verdict === 'sound') return null;
  if (judgement.verdict === 'torn') return { kind: 'torn', reason: judgement.reason };
  for (const { zero, peers } of judgement.roles) {
    if (!(await anyZero(reader, peers))) {
      const reason = `zero tail: bytes ${from} to ${reader.size} are zero, tensor ${zero.name} among them, and no other tensor of its kind is`;
      return { kind: 'torn', reason };
    }
  }
  return null;
}

/** What the place of the zero run says; `ask`: the contents of other tensors must decide. */
export type ZeroJudgement =
  | { verdict: 'sound' }
  | { verdict: 'torn'; reason: string }
  | { verdict: 'ask'; roles: { zero: TensorSpan; peers: TensorSpan[] }[] };

/**
 * The rule above, without its reads.
 * @param from offset of the first byte of the zero run that reaches the end of the file
 */
export function judgeZeroTail(
  tensors: readonly TensorSpan[],
  from: number,
  size: number,
): ZeroJudgement {
  if (size - from < MIN_RUN) return { verdict: 'sound' };
  const zero = tensors.filter((t) => t.start >= from);
  if (zero.length === tensors.length) {
    return { verdict: 'torn', reason: `zero tail: all ${zero.length} tensors are zero` };
  }
  const cut = tensors.find((t) => t.start < from && from < t.end);
  if (cut !== undefined && startsInside(cut, from, size)) {
    const reason = `zero tail: bytes ${from} to ${size} are zero, starting in the middle of tensor ${cut.name}`;
    return { verdict: 'torn', reason };
  }
  if (zero.length < 2) return { verdict: 'sound' };
  const outside = byRole(tensors.filter((t) => t.start < from));
  const roles = [...byRole(zero)]
    .map(([role, inRun]) => ({ zero: inRun[0]!, peers: outside.get(role) ?? [] }))
    .filter(({ peers }) => peers.length > 0);
  return roles.length === 0 ? { verdict: 'sound' } : { verdict: 'ask', roles };
}

function startsInside(tensor: TensorSpan, from: number, size: number): boolean {
  const inside = tensor.end - from;
  const boundary = Math.ceil(from / PAGE) * PAGE;
  const atPage = boundary - from <= PAGE_SLACK && boundary < size;
  if (!/^B?F\d/.test(tensor.dtype)) return atPage && size - from >= PAGE;
  return inside >= (atPage ? MIN_RUN : MIN_INSIDE);
}

function byRole(tensors: readonly TensorSpan[]): Map<string, TensorSpan[]> {
  const roles = new Map<string, TensorSpan[]>();
  for (const tensor of tensors) {
    const role = roleOf(tensor.name);
    const held = roles.get(role);
    if (held === undefined) roles.set(role, [tensor]);
    else held.push(tensor);
  }
  return roles;
}

/**
 * The part of a tensor's name that says what it is rather than where:
 * `…_0_attn1_to_k.lora_up.weight` gives `lora_up.weight`.
 */
function roleOf(name: string): string {
  const parts = name.replace(/\d+/g, '#').split('.');
  const known = parts.findLastIndex((p) =>
    /^(lora_(up|down|mid|A|B)|hada_|lokr_|oft_|alpha)/.test(p),
  );
  return parts.slice(known === -1 ? -2 : known).join('.');
}

/** Does one of the tensors begin with nothing but zeros? A sample of them, a page of each. */
async function anyZero(reader: Reader, tensors: readonly TensorSpan[]): Promise<boolean> {
  const stride = Math.ceil(tensors.length / MAX_PEERS);
  for (let i = 0; i < tensors.length; i += stride) {
    const { start, end } = tensors[i]!;
    if (allZero(await reader.read(start, Math.min(end - start, PAGE)))) return true;
  }
  return false;
}
