import { encodeCommand } from '../resp/encode.js';
import { splitInline } from '../resp/inline.js';

/**
 * A line of the inline protocol as the request that it stands for; empty where the line holds no
 * word, 'malformed' where Redis would answer with a protocol error.
 */
export function inlineAsRequest(line: string): Buffer | 'malformed' {
  const args = splitInline(line);
  if (args === null) return 'malformed';
  return args.length === 0 ? Buffer.alloc(0) : encodeCommand(args);
}
