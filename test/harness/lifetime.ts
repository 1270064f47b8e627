/** What the harness needs of a test: a place to end what was started. tap's `t` is one. */
export interface Lifetime {
  teardown(end: () => unknown): void;
}

export const sleep = (ms: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, ms);
  });

/** Thrown by a probe where waiting on is in vain. */
export class Hopeless extends Error {}

/**
 * Waits until `probe` returns something else than undefined, null or false, and returns that.
 * A probe that throws is asked again (unless `Hopeless`); its last error ends up in the message.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  { withinMs = 5000, everyMs = 10 } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const endMs = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const seen = await probe();
      if (seen !== undefined && seen !== null && seen !== false) {
        return seen as Exclude<T, undefined | null | false>;
      }
      last = undefined;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    if (performance.now() > endMs) {
      throw new Error(`not within ${withinMs} ms: ${what}${last ? ` (${String(last)})` : ''}`);
    }
    await sleep(everyMs);
  }
}

/** The promise's result, or an error naming `what` after `withinMs`. */
export async function within<T>(what: string, withinMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${withinMs} ms: ${what}`)), withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
