import { STATISTICS } from '../history/key-records.js';
import { Histogram } from './histogram.js';
import { Uses } from './uses.js';

/** What the keys of one template have in common. */
export interface TemplateStatistics {
  readonly template: string;
  /** Bits that tell it from others. */
  readonly hash: number;
  readonly gaps: Histogram;
  /** From the release to the next request. */
  readonly pauses: Histogram;
  readonly uses: Uses;
  /** How far each statistic is to be believed for these keys; together 1. */
  readonly beliefs: Float64Array;
  /** How far the network is to be believed against the statistics alone, 0 to 1. */
  trust: number;
}

/** All templates, numbered; the one used before all others gives its number to a new one. */
export class Templates {
  private readonly numbers = new Map<string, number>();
  private readonly known: TemplateStatistics[] = [];
  private readonly uses = new Uses(null);
  /** As `TemplateStatistics.trust`, over all templates. */
  trust = 0.5;

  constructor(
    private readonly templatesMax: number,
    /** Where the beliefs of a new template begin. */
    private readonly beginning: () => Float64Array,
  ) {}

  /** In the order of last use by a new key. */
  numberOf(template: string): number {
    const known = this.numbers.get(template);
    if (known !== undefined) {
      this.numbers.delete(template);
      this.numbers.set(template, known);
      return known;
    }
    const number = this.known.length < this.templatesMax ? this.known.length : this.makeRoom();
    this.numbers.set(template, number);
    this.known[number] = {
      template,
      hash: hashOf(template),
      gaps: new Histogram(),
      pauses: new Histogram(),
      uses: new Uses(this.uses),
      beliefs: Float64Array.from(this.beginning()),
      trust: this.trust,
    };
    return number;
  }

  get(number: number): TemplateStatistics {
    const template = this.known[number];
    if (template === undefined) throw new RangeError(`no template has the number ${number}`);
    return template;
  }

  get size(): number {
    return this.known.length;
  }

  [Symbol.iterator](): Iterator<TemplateStatistics> {
    return this.known[Symbol.iterator]();
  }

  private makeRoom(): number {
    const oldest = this.numbers.entries().next();
    if (oldest.done === true) return 0;
    const [template, number] = oldest.value;
    this.numbers.delete(template);
    return number;
  }
}

/** Beliefs where nothing is known: all alike. */
export function evenBeliefs(): Float64Array {
  return new Float64Array(STATISTICS).fill(1 / STATISTICS);
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
