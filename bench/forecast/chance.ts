import { SeededRandom } from '../../test/simulation/random.js';

/** Laws of chance that loads are made of; the same seed gives the same load. */
export class Chance extends SeededRandom {
  /** A time to wait for what comes by itself, so many ms apart in the mean. */
  exponential(meanMs: number): number {
    return -Math.log(1 - this.next()) * meanMs;
  }

  /** Log-normal about that median; `spread` is the standard deviation of the logarithm. */
  about(median: number, spread: number): number {
    return median * Math.exp(spread * this.normal());
  }

  /** By Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.below(16).toString(16)).join('');
    const at = [0, 8, 12, 16, 20, 32];
    return at
      .slice(1)
      .map((until, part) => hex.slice(at[part], until))
      .join('-');
  }
}
