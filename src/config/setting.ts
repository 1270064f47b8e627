import type { Kind } from './kinds.js';

export type Group = 'start' | 'locks' | 'group' | 'forecast' | 'clients' | 'upstream';

export const groupTitles: Readonly<Record<Group, string>> = {
  start: 'Start',
  locks: 'Locks granted from memory',
  group: 'Redlock group',
  forecast: 'Forecast and allocation',
  clients: 'Clients',
  upstream: 'Upstream',
};

export interface Setting<T> {
  readonly group: Group;
  readonly kind: Kind<T>;
  /** What it is for, and why the default is what it is. No full stop: the help adds the default. */
  readonly help: string;
  readonly fallback: T;
  /** The default as a person reads it. */
  readonly fallbackText: string;
  /** False: it cannot stand in the configuration file. */
  readonly inFile: boolean;
}

/** A setting with a default, as the text that a flag would bring. */
export function setting<T>(
  group: Group,
  kind: Kind<T>,
  fallbackText: string,
  help: string,
): Setting<T> {
  const fallback = kind.fromText(fallbackText);
  if (fallback === undefined) throw new Error(`default not allowed: ${fallbackText}`);
  return { group, kind, help, fallback, fallbackText, inFile: true };
}

/** A setting that may be left out; `without` tells what happens then. */
export function optional<T>(
  group: Group,
  kind: Kind<T>,
  without: string,
  help: string,
  inFile = true,
): Setting<T | null> {
  return { group, kind, help, fallback: null, fallbackText: without, inFile };
}
