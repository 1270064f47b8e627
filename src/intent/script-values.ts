/** Thrown where a script holds anything that is not understood. */
export class Unreadable extends Error {}

/** A change that a script makes to its key. */
export type ScriptEffect = 'DEL' | 'UNLINK' | 'PEXPIRE' | 'EXPIRE' | 'SET PX' | 'SET EX';

/** What Redis tells the script's caller. */
export type ScriptReply = 'OK' | number | null;

/** A value in a symbolic run. */
export type Value =
  | { readonly is: 'key' }
  | { readonly is: 'argument'; readonly index: number }
  /** The reply to GET: the token where the run is the equal one, anything else where not. */
  | { readonly is: 'got' }
  | { readonly is: 'number'; readonly number: number }
  | { readonly is: 'string'; readonly text: string }
  | { readonly is: 'status' }
  | { readonly is: 'boolean'; readonly yes: boolean }
  | { readonly is: 'nil' };

export const NIL: Value = { is: 'nil' };

/** Whether Lua takes the value for true. */
export function isTrue(value: Value): boolean {
  switch (value.is) {
    case 'boolean':
      return value.yes;
    case 'nil':
      return false;
    case 'number':
    case 'status':
      return true;
    default:
      // Whether GET replied anything can't be told in the run in which it did not reply the token.
      throw new Unreadable();
  }
}

/** The change that a command makes to the key, its other arguments being as they must. */
export function effectOf(command: string, rest: readonly Value[]): ScriptEffect | null {
  const [first, second, third] = rest;
  const isTtl = (value: Value | undefined) => value?.is === 'argument' && value.index === 2;
  switch (command) {
    case 'DEL':
    case 'UNLINK':
      return rest.length === 0 ? command : null;
    case 'PEXPIRE':
    case 'EXPIRE':
      return rest.length === 1 && isTtl(first) ? command : null;
    case 'SET': {
      if (rest.length !== 3 || first?.is !== 'argument' || first.index !== 1) return null;
      if (second?.is !== 'string' || !isTtl(third)) return null;
      const unit = second.text.toUpperCase();
      if (unit === 'PX') return 'SET PX';
      return unit === 'EX' ? 'SET EX' : null;
    }
    default:
      return null;
  }
}

/** How Redis tells a Lua value to the caller. */
export function replyOf(value: Value): ScriptReply {
  switch (value.is) {
    case 'number':
      return value.number;
    case 'boolean':
      return value.yes ? 1 : null;
    case 'nil':
      return null;
    case 'status':
      return 'OK';
    default:
      throw new Unreadable();
  }
}
