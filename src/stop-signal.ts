/** What a process is to this: tests bring their own. */
export interface Signalled {
  on(signal: StopSignal, heard: () => void): unknown;
  exit(code: number): void;
}

export const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * One press of Ctrl-C may arrive twice: from the terminal, and from npm, which passes it on. Only
 * what comes later than this is a second wish.
 */
const SAME_PRESS_MS = 250;

/** Resolves with the first signal to stop; a second one ends the process at once, with code 1. */
export function stopSignal(process: Signalled, nowMs: () => number): Promise<StopSignal> {
  return new Promise(resolve => {
    let firstAtMs: number | null = null;
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        firstAtMs ??= nowMs();
        if (nowMs() - firstAtMs > SAME_PRESS_MS) process.exit(1);
        resolve(signal);
      });
    }
  });
}
