/** What TensorFlow.js may compute with, the fastest first. */
export const BACKENDS = ['node', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Backend {
  readonly name: BackendName;
  /** Why none of the faster ones is used. */
  readonly rejected: readonly Rejection[];
}

export interface Rejection {
  readonly name: BackendName;
  readonly reason: string;
}
