/**
 * Reads the TAP stream of a run of tap, line by line: counts tests, and tells of each file as it
 * ends. A file is a subtest of the run, a test one of the file. A file that fails without a failed
 * test (it crashed, or hung), and one without any test, is one failure.
 */

/** What is shown of the failures of one file. */
const SHOWN_LINES_MAX = 120;

export class TapReader {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** Names of failed tests, with their files. */
  failures = [];
  #tell;
  #tests = 0;
  #failedTests = [];
  #shown = [];
  /** The indent of the diagnosis that a line is in; null outside of one. */
  #diagnosis = null;
  /** Whether the diagnosis belongs to something that failed. */
  #isFailure = false;
  /** Whether something inside the present test failed: that tells more than the test itself. */
  #hasFailedInside = false;

  /** @param {(text: string) => void} tell takes the lines that people are to see. */
  constructor(tell) {
    this.#tell = tell;
  }

  line(text) {
    // A diagnosis quotes whatever it likes, TAP included.
    const [, margin, mark] = /^( *)(---|\.\.\.)$/.exec(text) ?? [];
    if (this.#diagnosis !== null) {
      if (this.#isFailure) this.#shown.push(text);
      if (mark === '...' && margin === this.#diagnosis) this.#diagnosis = null;
      return;
    }
    if (mark === '---') {
      this.#diagnosis = margin;
      if (this.#isFailure) this.#shown.push(text);
      return;
    }
    const [, indent, not, name = '', directive = ''] =
      /^( *)(not )?ok \d+(?: - (.*?))?(?: # (skip|todo|time).*)?$/i.exec(text) ?? [];
    if (indent === undefined) return;
    const isLeftOut = /^(skip|todo)$/i.test(directive);
    const isFailure = not !== undefined && !isLeftOut;
    if (isFailure && indent !== '') this.#shown.push(text);
    this.#isFailure = isFailure && !(indent.length === 4 && this.#hasFailedInside);
    if (indent.length > 4) this.#hasFailedInside ||= isFailure;
    else if (indent.length === 4) this.#test(name, isFailure, isLeftOut);
    else this.#file(name, isFailure);
  }

  #test(name, isFailure, isLeftOut) {
    this.#tests++;
    this.#hasFailedInside = false;
    if (isLeftOut) this.skipped++;
    else if (isFailure) this.#failedTests.push(name);
    else this.passed++;
  }

  #file(name, isFailure) {
    const hasTests = this.#tests > 0;
    if ((isFailure || !hasTests) && this.#failedTests.length === 0) {
      this.#failedTests.push(hasTests ? 'it ended before its time' : 'it has no test');
    }
    const failed = this.#failedTests.length;
    this.#tell(`  ${failed === 0 ? '✓' : '✗'} ${name} ${this.#tests - failed}/${this.#tests}`);
    for (const line of this.#shown.slice(0, SHOWN_LINES_MAX)) this.#tell(line);
    this.failed += failed;
    this.failures.push(...this.#failedTests.map(test => `${name}: ${test}`));
    this.#tests = 0;
    this.#failedTests = [];
    this.#shown = [];
    this.#isFailure = false;
  }
}
