import { schedule } from 'node-cron';

/**
 * Runs `refresh` by a cron expression (with seconds), until `stop` is called. A refresh that throws
 * is told to `failed`, and the next one comes all the same.
 */
export function scheduleRefresh(
  expression: string,
  refresh: () => void,
  failed: (error: unknown) => void,
): { stop(): void } {
  const task = schedule(
    expression,
    () => {
      try {
        refresh();
      } catch (error) {
        failed(error);
      }
    },
    // A refresh missed in a pause is none too few, and its timer keeps nobody alive.
    { suppressMissedWarning: true, unref: true },
  );
  return {
    stop: () => {
      void task.destroy();
    },
  };
}
