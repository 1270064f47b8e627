/** Numbers as Redis and C write and read them. */

/** C's `%.<precision>g`. */
export function generalFormat(value: number, precision: number): string {
  if (Number.isInteger(value) && Math.abs(value) < Math.min(10 ** precision, 2 ** 53)) {
    return Object.is(value, -0) ? '-0' : String(value);
  }
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const [digits = '0', power = '0'] = value.toExponential(precision - 1).split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= precision) {
    const sign = exponent < 0 ? '-' : '+';
    return `${withoutZeros(digits)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return withoutZeros(value.toFixed(precision - 1 - exponent));
}

function withoutZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}

const INTEGER = /^(?:0|-?[1-9]\d*)$/;

/** A whole number in its one spelling, as Redis wants it; null for anything else. */
export function parseInteger(text: string | undefined): number | null {
  if (text === undefined || text.length > 20 || !INTEGER.test(text)) return null;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  // Redis has 64 bits. What no script of ours comes near to is not computed wrongly, but not at all.
  if (BigInt(text) === BigInt.asIntN(64, BigInt(text))) {
    throw new Error(`the simulated Redis has no integers as large as ${text}`);
  }
  return null;
}

const FLOAT = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)$/i;

export function parseFloatStrictly(text: string | undefined): number | null {
  if (text === undefined || !FLOAT.test(text)) return null;
  if (/inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
}
