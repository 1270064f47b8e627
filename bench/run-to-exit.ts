/** Shown to people without a stack trace: a wrong option or a missing program is no fault of ours. */
export class ExplainedError extends Error {}

/**
 * Runs a program's main function and ends the process: 0 when it has run, whatever it measured; 2
 * for an ExplainedError; 1 for any other.
 */
export async function runToExit(main: (args: readonly string[]) => Promise<void>): Promise<never> {
  try {
    await main(process.argv.slice(2));
    process.exit(0);
  } catch (error) {
    const isExplained = error instanceof ExplainedError;
    console.error(isExplained ? error.message : error);
    process.exit(isExplained ? 2 : 1);
  }
}
