/** A command's arguments, its name first: bytes as read, or binary (latin1) strings. */
export type Arguments = readonly (Buffer | string)[];

/** An argument as a binary string; the empty string where there is none. */
export function textAt(args: Arguments, index: number): string {
  const argument = args[index];
  if (argument === undefined) return '';
  return typeof argument === 'string' ? argument : argument.toString('latin1');
}

/** All arguments as binary strings. */
export function textsOf(args: Arguments): string[] {
  return args.map((_, index) => textAt(args, index));
}

/** An argument that names a command, an option or the like, in lower case. */
export function wordAt(args: Arguments, index: number): string {
  return textAt(args, index).toLowerCase();
}

/** The greatest number of milliseconds that survives `now + ms` and JavaScript's own numbers. */
const INTEGER_MAX = Number.MAX_SAFE_INTEGER;

/**
 * A whole number written as Redis itself would write it: no sign, no leading zero, no exponent, no
 * space. Redis refuses all other spellings, and a client must hear that from Redis. Negative
 * numbers, and those too large to be exact here, are null too.
 */
export function canonicalNumber(text: string): number | null {
  if (text === '0') return 0;
  if (text.length > 16 || !/^[1-9][0-9]*$/.test(text)) return null;
  const value = Number(text);
  return value <= INTEGER_MAX ? value : null;
}
