/**
 * Counts tests in a TAP stream of tap's: a file is a subtest of the run, a test one of the file.
 * A file that fails without a failed test (it crashed, or hung), and one without any test, is one
 * failure.
 * @param {string} tap
 * @returns {{ passed: number, failed: number, skipped: number, failures: string[] }}
 */
export function countTests(tap) {
  const counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  let failedInFile = 0;
  let testsInFile = 0;
  /** The indent of the diagnosis that a line is in. */
  let diagnosis = null;
  for (const line of tap.split('\n')) {
    // A diagnosis quotes whatever it likes, TAP included.
    const [, margin, mark] = /^( *)(---|\.\.\.)$/.exec(line) ?? [];
    if (diagnosis === null && mark === '---') diagnosis = margin;
    else if (margin === diagnosis && mark === '...') diagnosis = null;
    if (diagnosis !== null) continue;
    const [, indent, not, name, directive] =
      /^((?: {4})?)(not )?ok \d+(?: - (.*?))?(?: # (skip|todo|time).*)?$/i.exec(line) ?? [];
    if (indent === undefined) continue;
    if (indent !== '') {
      testsInFile++;
      if (/^(skip|todo)$/i.test(directive ?? '')) counts.skipped++;
      else if (not) {
        failedInFile++;
        counts.failed++;
        counts.failures.push(name ?? '');
      } else counts.passed++;
      continue;
    }
    if ((not || testsInFile === 0) && failedInFile === 0) {
      counts.failed++;
      counts.failures.push(`${name ?? ''} ${testsInFile === 0 ? '(it has no test)' : ''}`.trim());
    }
    failedInFile = 0;
    testsInFile = 0;
  }
  return counts;
}
