import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { NetworkShape } from '../forecast/network/shape.js';
import { decode, encode, type NetworkWeights } from '../forecast/network/weights.js';

export type KeptReading =
  | { readonly weights: NetworkWeights }
  | { readonly weights: null; readonly reason: string };

/** The network of a listener, in a file that outlives the process. */
export class KeptNetwork {
  constructor(
    private readonly path: string,
    /** Told of a file that can't be written: the network is then of this process alone. */
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Null where there is none yet; a reason where it can't be used. */
  read(shape: NetworkShape, version: number): KeptReading | null {
    if (!existsSync(this.path)) return null;
    try {
      const decoded = decode(new Uint8Array(readFileSync(this.path)).buffer, shape, version);
      if ('weights' in decoded) return { weights: decoded.weights };
      return { weights: null, reason: decoded.refused };
    } catch (error) {
      return { weights: null, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Whole or not at all: a process that is killed meanwhile leaves the network before. */
  write(weights: NetworkWeights): void {
    try {
      writeFileSync(`${this.path}.new`, new Uint8Array(encode(weights)), { mode: 0o600 });
      renameSync(`${this.path}.new`, this.path);
    } catch (error) {
      this.failed(error);
    }
  }
}
