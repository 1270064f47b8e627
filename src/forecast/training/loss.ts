import * as tf from '@tensorflow/tfjs-core';
import {
  AWAY_MAX,
  GAP_MIN_MS,
  GRAIN_DEVIATION_MS,
  LN_ZERO,
  LOGISTIC_CUBIC,
  LOGISTIC_LINEAR,
  SIGMA_MAX,
  SIGMA_MIN,
} from '../network/density.js';
import type { NetworkShape } from '../network/shape.js';

/** What is known of some rows beside the outputs of the network; a column each, where not noted. */
export interface LossRows {
  readonly lnGap: tf.Tensor2D;
  /** Variance that the clock's grain adds to ln gap. */
  readonly grain: tf.Tensor2D;
  /** 1 for a gap that the clock shows as none, else 0. */
  readonly atOnce: tf.Tensor2D;
  /** rows x experts; null without experts. */
  readonly expertDensity: tf.Tensor2D | null;
  readonly expertWeight: tf.Tensor2D | null;
  /** 1 / number of rows that count, or 0 for one that does not. */
  readonly share: tf.Tensor2D;
}

const HALF_LN_TWO_PI = 0.5 * Math.log(2 * Math.PI);

export function lnGapOf(gapMs: number): number {
  return Math.log(Math.max(gapMs, GAP_MIN_MS));
}

export function grainOf(gapMs: number): number {
  return (GRAIN_DEVIATION_MS / Math.max(gapMs, GAP_MIN_MS)) ** 2;
}

export function isAtOnce(gapMs: number): boolean {
  return gapMs < GAP_MIN_MS;
}

export function boundedLn(number: number): number {
  return Math.max(number, LN_ZERO);
}

/** Mean negative log-likelihood of the rows: what `GatedDensity` computes, with a gradient. */
export function loss(outputs: tf.Tensor2D, rows: LossRows, shape: NetworkShape): tf.Scalar {
  const { components, experts } = shape;
  const sizes = [components, components, components, ...(experts > 0 ? [experts] : [])];
  const [logits, means, lnSigmas, gates] = tf.split<tf.Tensor2D>(outputs, sizes, 1) as [
    tf.Tensor2D,
    tf.Tensor2D,
    tf.Tensor2D,
    tf.Tensor2D | undefined,
  ];
  const densities = lnDensities(means, lnSigmas, rows);
  let allLogits = logits;
  let allDensities = densities;
  if (gates !== undefined && rows.expertWeight !== null && rows.expertDensity !== null) {
    allLogits = tf.concat2d([logits, tf.add(gates, rows.expertWeight)], 1);
    allDensities = tf.concat2d([densities, rows.expertDensity], 1);
  }
  const lnDensity = tf.sub(
    tf.logSumExp(tf.add(allLogits, allDensities), 1, true),
    tf.logSumExp(allLogits, 1, true),
  );
  return tf.neg(tf.sum(tf.mul(lnDensity, rows.share)));
}

function lnDensities(means: tf.Tensor2D, lnSigmas: tf.Tensor2D, rows: LossRows): tf.Tensor2D {
  const bounded = tf.clipByValue(lnSigmas, Math.log(SIGMA_MIN), Math.log(SIGMA_MAX));
  const variance = tf.add(tf.exp(tf.mul(bounded, 2)), rows.grain);
  const away = tf.sub(means, rows.lnGap);
  const exponent = tf.add(
    tf.div(tf.square(away), tf.mul(variance, 2)),
    tf.mul(tf.log(variance), 0.5),
  );
  const later = tf.minimum(tf.neg(tf.add(exponent, tf.add(rows.lnGap, HALF_LN_TWO_PI))), 0);
  const below = tf.div(tf.sub(Math.log(GAP_MIN_MS), means), tf.exp(bounded));
  const z = tf.clipByValue(below, -AWAY_MAX, AWAY_MAX);
  const logit = tf.mul(z, tf.add(tf.mul(tf.square(z), LOGISTIC_CUBIC), LOGISTIC_LINEAR));
  const atOnce = tf.neg(tf.softplus(tf.neg(logit)));
  return tf.add(tf.mul(rows.atOnce, atOnce), tf.mul(tf.sub(1, rows.atOnce), later));
}
