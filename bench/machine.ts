import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

/** What a figure means nothing without. */
export function describeMachine(): string {
  const processors = cpus();
  const redis = /v=([\d.]+)/.exec(String(spawnSync('redis-server', ['--version']).stdout))?.[1];
  return [
    `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown processor'}`,
    `Node ${process.version}`,
    `Redis ${redis ?? 'unknown'}`,
  ].join(', ');
}
