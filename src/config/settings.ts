import type { Setting } from './setting.js';
import { clientsSettings } from './table/clients.js';
import { forecastSettings } from './table/forecast.js';
import { groupSettings } from './table/group.js';
import { locksSettings } from './table/locks.js';
import { startSettings } from './table/start.js';
import { trainingSettings } from './table/training.js';
import { upstreamSettings } from './table/upstream.js';
import { waitingSettings } from './table/waiting.js';

/**
 * Every setting of Forelock, once: the flags, the environment variables, the configuration file,
 * the help and the table in docs/operations.md all come from here.
 */
export const settings = {
  ...startSettings,
  ...locksSettings,
  ...waitingSettings,
  ...groupSettings,
  ...forecastSettings,
  ...trainingSettings,
  ...clientsSettings,
  ...upstreamSettings,
};

export type Settings = typeof settings;
export type SettingName = keyof Settings;

/** All settings, read and validated. Each part of Forelock takes the few that it names. */
export type Options = {
  readonly [Name in SettingName]: Settings[Name] extends Setting<infer T> ? T : never;
};

export const settingNames = Object.keys(settings) as SettingName[];

/** `drainTimeoutMs` → `drain-timeout-ms`: the flag without its dashes, and the key in a file. */
export function kebabName(name: SettingName): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}

export function flagName(name: SettingName): string {
  return `--${kebabName(name)}`;
}

/** `drainTimeoutMs` → `FORELOCK_DRAIN_TIMEOUT_MS`. */
export function variableName(name: SettingName): string {
  return `FORELOCK_${kebabName(name).replaceAll('-', '_').toUpperCase()}`;
}
