import { createHash } from 'node:crypto';
import { type RespConnection, RespError } from './resp-connection.js';

/** The compare-and-delete of Redis's own documentation, as most write it by hand. */
const releaseScript =
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';
const releaseSha = createHash('sha1').update(releaseScript).digest('hex');

/** Whether the lock was still the client's. */
export async function release(
  connection: RespConnection,
  key: string,
  value: string,
): Promise<boolean> {
  let reply = await connection.call('EVALSHA', releaseSha, '1', key, value);
  if (reply instanceof RespError && reply.message.startsWith('NOSCRIPT')) {
    reply = await connection.call('EVAL', releaseScript, '1', key, value);
  }
  if (typeof reply !== 'number')
    throw new Error(`release was answered with ${JSON.stringify(reply)}`);
  return reply === 1;
}
