/** The whole state of a generator: four 32-bit words and the second half of a Gaussian pair. */
export interface RngState {
  readonly words: readonly [number, number, number, number];
  readonly spare: number | null;
}

/**
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018) with
 * Gaussians by Box and Muller. Its state is plain data: a checkpoint that left out the spare
 * Gaussian would make a resumed run drift from the uninterrupted one after a single draw.
 */
export class Rng {
  private readonly s = new Uint32Array(4);
  private spare: number | null = null;

  constructor(state: RngState) {
    this.s.set(state.words);
    this.spare = state.spare;
  }

  /** One stream of a seed. Streams of different names share nothing, so sampling cannot disturb training. */
  static stream(seed: number, name: string): Rng {
    let hash = 0x811c9dc5 ^ seed; // FNV-1a over the name
    for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
    const next = splitmix32((hash ^ Math.imul(seed, 0x9e3779b1)) >>> 0);
    return new Rng({ words: [next(), next(), next(), next() | 1], spare: null });
  }

  get state(): RngState {
    const [a, b, c, d] = this.s;
    return { words: [a!, b!, c!, d!], spare: this.spare };
  }

  uint32(): number {
    const s = this.s;
    const result = Math.imul(rotl(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotl(s[3]!, 11);
    return result;
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    return (high * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Standard normal. */
  gaussian(): number {
    if (this.spare !== null) {
      const value = this.spare;
      this.spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** The numbers 0 to n-1 in a random order (Fisher and Yates). */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(this.uniform() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}

function rotl(x: number, k: number): number {
  return ((x << k) | (x >>> (32 - k))) >>> 0;
}

/** Spreads one seed over many words (the seeding that xoshiro's authors recommend, in 32 bits). */
function splitmix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}
