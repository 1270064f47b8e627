/**
 * Forelock can't start, for a reason that its user can do something about. The message says it
 * all: it is printed alone, without a stack, and the exit code is 1.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is taken',
  EACCES: 'not permitted to this user',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'this host is not known',
};

/** Turns the failure of a listener into a StartError that names setting and address. */
export async function bound<T>(flag: string, address: string, listening: Promise<T>): Promise<T> {
  try {
    return await listening;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = REASONS[code] ?? String(error);
    throw new StartError(`${flag} ${address}: ${reason}${code ? ` (${code})` : ''}`);
  }
}
