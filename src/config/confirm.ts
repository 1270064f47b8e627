import type { Confirm } from '../upstream/control/confirmer.js';

/** `replicas=2`, `replicas=2,500`, `aof`, `aof,500`: what has to confirm a lease, and within how many ms. */
const FORM = /^(?:replicas=(\d{1,3})|aof)(?:,(\d{1,5}))?$/;
const TIMEOUT_MS = 1000;

export const CONFIRM_ALLOWED =
  'replicas=<number from 1 to 100>, or aof; behind a comma how many ms that may take, from 1 to 60000 (1000)';

/** Undefined: not allowed. */
export function parseConfirm(text: string): Confirm | undefined {
  const [found, replicaDigits, timeoutDigits] = FORM.exec(text) ?? [];
  if (found === undefined) return undefined;
  const timeoutMs = timeoutDigits === undefined ? TIMEOUT_MS : Number(timeoutDigits);
  // For Redis 0 ms are for ever.
  if (timeoutMs < 1 || timeoutMs > 60_000) return undefined;
  if (replicaDigits === undefined) return { kind: 'aof', timeoutMs };
  const replicas = Number(replicaDigits);
  return replicas >= 1 && replicas <= 100 ? { kind: 'replicas', replicas, timeoutMs } : undefined;
}

export function formatConfirm(confirm: Confirm): string {
  const what = confirm.kind === 'aof' ? 'aof' : `replicas=${confirm.replicas}`;
  return `${what},${confirm.timeoutMs}`;
}
