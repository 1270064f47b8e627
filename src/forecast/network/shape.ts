/** The sizes of a network. Weights of one shape are of no use to another. */
export interface NetworkShape {
  /** Numbers that it reads at each event. */
  readonly inputs: number;
  /** Of its memory: each has a hidden value and a cell. */
  readonly units: number;
  /** Log-normals that it gives. */
  readonly components: number;
  /** Simple models whose weight it moves. */
  readonly experts: number;
}

/** A log-normal is a logit, the mean of ln gapMs and the ln of its standard deviation. */
export const NUMBERS_PER_COMPONENT = 3;

/** Where each kind of number begins in the outputs: those of one kind stand side by side. */
export interface OutputLayout {
  readonly logits: number;
  readonly means: number;
  readonly lnSigmas: number;
  readonly gates: number;
  readonly length: number;
}

export function outputLayout({ components, experts }: NetworkShape): OutputLayout {
  const gates = NUMBERS_PER_COMPONENT * components;
  return {
    logits: 0,
    means: components,
    lnSigmas: 2 * components,
    gates,
    length: gates + experts,
  };
}

/** Numbers that a key keeps between its events: the hidden values, then the cells. */
export function stateLength(shape: NetworkShape): number {
  return 2 * shape.units;
}

export function sameShape(one: NetworkShape, other: NetworkShape): boolean {
  return (
    one.inputs === other.inputs &&
    one.units === other.units &&
    one.components === other.components &&
    one.experts === other.experts
  );
}
