/** Resolves with false after a while: the other side of a race. */
export function patience(ms: number): Promise<false> {
  return new Promise(resolve => {
    setTimeout(() => resolve(false), ms).unref();
  });
}
