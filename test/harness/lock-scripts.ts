import { createHash } from 'node:crypto';

/** The scripts by which clients commonly release and extend a `SET key value NX PX` lock. */
export const RELEASE =
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';

export const EXTEND =
  'if redis.call("get",KEYS[1]) == ARGV[1] then return redis.call("pexpire",KEYS[1],ARGV[2]) else return 0 end';

export const shaOf = (script: string): string => createHash('sha1').update(script).digest('hex');

export const RELEASE_SHA = shaOf(RELEASE);
export const EXTEND_SHA = shaOf(EXTEND);

export const acquire = (key: string, value: string, ttlMs: number): string[] => [
  'SET',
  key,
  value,
  'NX',
  'PX',
  String(ttlMs),
];

export const release = (key: string, value: string): string[] => ['EVAL', RELEASE, '1', key, value];

export const releaseBySha = (key: string, value: string): string[] => [
  'EVALSHA',
  RELEASE_SHA,
  '1',
  key,
  value,
];

export const extend = (key: string, value: string, ttlMs: number): string[] => [
  'EVAL',
  EXTEND,
  '1',
  key,
  value,
  String(ttlMs),
];
