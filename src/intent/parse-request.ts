import RedisParser from 'redis-parser';

/**
 * Splits one complete request, as the framer found its bounds (`*N` of `$L` strings), into its
 * arguments with redis-parser. The arguments are views of `frame`: who keeps one longer than the
 * bytes stay untouched must copy it.
 * Returns null where `frame` is not exactly one request; the framer makes sure that it is.
 */
export function parseRequest(frame: Buffer): readonly Buffer[] | null {
  parsed = null;
  parsedCount = 0;
  parser.execute(frame);
  if (parsedCount === 1 && parser.buffer === null && isRequest(parsed)) return parsed;
  // A frame that was cut short leaves the parser waiting for the rest of it.
  parser.reset();
  return null;
}

let parsed: unknown = null;
let parsedCount = 0;

function take(reply: unknown): void {
  parsed = reply;
  parsedCount++;
}

// One parser serves all: it holds state only between the two ends of one `execute`.
const parser = new RedisParser({
  returnReply: take,
  returnError: take,
  returnFatalError: take,
  returnBuffers: true,
  stringNumbers: false,
});

function isRequest(value: unknown): value is Buffer[] {
  return Array.isArray(value) && value.length > 0 && value.every(part => Buffer.isBuffer(part));
}
