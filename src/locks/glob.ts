/**
 * Redis's own glob syntax, as of KEYS and ACL patterns: `*`, `?`, `[abc]`, `[^a-z]`, and `\` before
 * a character that stands for itself. Keys and patterns are binary strings, compared byte by byte.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let patternAt = 0;
  let textAt = 0;
  // Where to go on after the last `*` when what follows it does not match. Going back only to the
  // last one keeps the work at pattern times text, however many there are.
  let starAt = -1;
  let starTextAt = 0;
  while (textAt < text.length) {
    if (pattern[patternAt] === '*') {
      starAt = patternAt++;
      starTextAt = textAt;
      continue;
    }
    const next = patternAt < pattern.length ? afterMatch(pattern, patternAt, text, textAt) : -1;
    if (next >= 0) {
      patternAt = next;
      textAt++;
    } else if (starAt >= 0) {
      patternAt = starAt + 1;
      textAt = ++starTextAt;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === '*') patternAt++;
  return patternAt === pattern.length;
}

export function matchesAny(patterns: readonly string[], text: string): boolean {
  for (const pattern of patterns) if (matchesGlob(pattern, text)) return true;
  return false;
}

/** The place in the pattern after the element that matches this character, or -1. */
function afterMatch(pattern: string, at: number, text: string, textAt: number): number {
  const char = pattern.charCodeAt(at);
  const wanted = text.charCodeAt(textAt);
  if (char === QUESTION) return at + 1;
  if (char === BRACKET) return afterSet(pattern, at + 1, wanted);
  if (char === BACKSLASH && at + 1 < pattern.length) {
    return pattern.charCodeAt(at + 1) === wanted ? at + 2 : -1;
  }
  return char === wanted ? at + 1 : -1;
}

/** As Redis reads a set: a missing `]` ends with the pattern, a range may be written backwards. */
function afterSet(pattern: string, from: number, wanted: number): number {
  let at = from;
  const negated = pattern[at] === '^';
  if (negated) at++;
  let found = false;
  while (at < pattern.length && pattern[at] !== ']') {
    if (pattern[at] === '\\' && at + 1 < pattern.length) {
      at++;
      if (pattern.charCodeAt(at) === wanted) found = true;
      at++;
    } else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const one = pattern.charCodeAt(at);
      const other = pattern.charCodeAt(at + 2);
      if (wanted >= Math.min(one, other) && wanted <= Math.max(one, other)) found = true;
      at += 3;
    } else {
      if (pattern.charCodeAt(at) === wanted) found = true;
      at++;
    }
  }
  const end = at < pattern.length ? at + 1 : at;
  return found !== negated ? end : -1;
}

const QUESTION = 0x3f;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
