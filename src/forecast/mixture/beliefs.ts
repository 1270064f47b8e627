import { count, type KeyRecords, STATISTICS, share } from '../history/key-records.js';
import type { TemplateStatistics, Templates } from '../statistics/templates.js';
import { type Mixture, SHARE_UNIT } from './mixture.js';

/** How far a key's beliefs go back to its template's with each request: what was best may change. */
const SHARED = 0.02;
/** How fast the beliefs of a template follow what its keys show, as an exponent of Bayes' rule. */
const TEMPLATE_PACE = 0.05;
const TEMPLATE_SHARED = 1e-4;
/** The same for the trust in the network. */
const TRUST_PACE = 0.2;
const TRUST_SHARED = 0.02;
const TRUST_MIN = 0.001;

/**
 * Bayes' rule with a fixed share (Herbster and Warmuth, 1998): whoever gave the gap that came more
 * probability is believed more, and nobody is ruled out. The loss of the mixture so stays near that
 * of the best of its parts, even where that changes.
 */
export class Beliefs {
  /** Of all keys; where those of a new template begin. */
  readonly everywhere = new Float64Array(STATISTICS).fill(1 / STATISTICS);

  constructor(
    private readonly records: KeyRecords,
    private readonly templates: Templates,
  ) {}

  /** A key of which nothing is known is as its template. */
  begin(slot: number): void {
    const template = this.templates.get(this.records.count(slot, count.template));
    const at = this.records.sharesOf(slot) + share.beliefs;
    for (let statistic = 0; statistic < STATISTICS; statistic++) {
      const belief = template.beliefs[statistic] as number;
      this.records.shares[at + statistic] = Math.round(belief * SHARE_UNIT);
    }
  }

  /** After `mixture.probability` of the gap that came, with the key in focus. */
  learn(slot: number, { probabilities, beliefs, gated, isGated }: Mixture): void {
    const template = this.templates.get(this.records.count(slot, count.template));
    if (isGated) learnTrust(this.templates, template, probabilities, beliefs, gated);
    follow(template.beliefs, probabilities);
    follow(this.everywhere, probabilities);
    let sum = 0;
    for (let statistic = 0; statistic < STATISTICS; statistic++) {
      sum += (beliefs[statistic] as number) * (probabilities[statistic] as number);
    }
    const at = this.records.sharesOf(slot) + share.beliefs;
    for (let statistic = 0; statistic < STATISTICS; statistic++) {
      const posterior =
        ((beliefs[statistic] as number) * (probabilities[statistic] as number)) / sum;
      const belief = (1 - SHARED) * posterior + SHARED * (template.beliefs[statistic] as number);
      this.records.shares[at + statistic] = Math.round(belief * SHARE_UNIT);
    }
  }
}

function learnTrust(
  all: Templates,
  template: TemplateStatistics,
  probabilities: Float64Array,
  beliefs: Float64Array,
  gated: Float64Array,
): void {
  let network = 0;
  let statistics = 0;
  for (let weighed = 0; weighed < probabilities.length; weighed++) {
    const probability = probabilities[weighed] as number;
    network += (gated[weighed] as number) * probability;
    statistics += (beliefs[weighed] as number) * probability;
  }
  const gain = (network / statistics) ** TRUST_PACE;
  all.trust = trusted(all.trust, gain);
  const trust = trusted(template.trust, gain);
  template.trust = trust + TRUST_SHARED * (all.trust - trust);
}

function trusted(trust: number, gain: number): number {
  const odds = (trust / (1 - trust)) * gain;
  return Math.min(1 - TRUST_MIN, Math.max(TRUST_MIN, odds / (1 + odds)));
}

/** Moves beliefs a little towards who was right. */
function follow(beliefs: Float64Array, probabilities: Float64Array): void {
  let sum = 0;
  for (let statistic = 0; statistic < STATISTICS; statistic++) {
    const belief =
      (beliefs[statistic] as number) * (probabilities[statistic] as number) ** TEMPLATE_PACE;
    beliefs[statistic] = belief;
    sum += belief;
  }
  for (let statistic = 0; statistic < STATISTICS; statistic++) {
    const belief = (beliefs[statistic] as number) / sum;
    beliefs[statistic] = (1 - TEMPLATE_SHARED) * belief + TEMPLATE_SHARED / STATISTICS;
  }
}
