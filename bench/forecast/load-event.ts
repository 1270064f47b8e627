/** One attempt of a synthetic load. */
export interface LoadEvent {
  /** From the start. */
  readonly atMs: number;
  /** Number of the connection that it comes from. */
  readonly client: number;
  readonly key: string;
  /** How long the lock is held where it is granted. */
  readonly holdMs: number;
  readonly kind: LoadKind;
  /** A step of a workflow that another came before: a forecast can know of its key, though it was never seen. */
  readonly follows: boolean;
}

export type LoadKind = 'periodic' | 'bursty' | 'workflow' | 'noise';

/** In order of time; what is at the same time stays in the order that it was made in. */
export function inOrder(events: LoadEvent[]): LoadEvent[] {
  return events.sort((one, other) => one.atMs - other.atMs);
}
