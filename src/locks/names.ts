/** Everything of ours in Redis begins with this; no key under it is ever a lock key. */
export const OWN_PREFIX = 'forelock:';

/** The one counter that fences come from. It is all that a quiet system leaves in Redis. */
export const FENCE_COUNTER = `${OWN_PREFIX}fence`;

/**
 * The companion of a lock key, in the lock key's own hash slot; null where no such name exists,
 * and then the key is not delegated. Redis hashes what stands between the first `{` and the first
 * `}` after it, if anything does, else the whole key.
 */
export function companionOf(key: string): string | null {
  if (key === '' || key.startsWith(OWN_PREFIX)) return null;
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  if (close > open + 1) return `${OWN_PREFIX}{${key.slice(open + 1, close)}}:${key}`;
  // Without a tag the whole key is the tag, and a `}` in it would end that tag too early.
  return key.includes('}') ? null : `${OWN_PREFIX}{${key}}:${key}`;
}
