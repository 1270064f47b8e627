import { spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';

/** Share of its processors that a machine may have been using when a benchmark begins. */
const busyShare = 0.5;

/** What a figure means nothing without. */
export function describeMachine(): string {
  const processors = cpus();
  const redis = /v=([\d.]+)/.exec(String(spawnSync('redis-server', ['--version']).stdout))?.[1];
  const busy = (loadavg()[0] ?? 0) / processors.length;
  const parts = [
    `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown processor'}`,
    `Node ${process.version}`,
    `Redis ${redis ?? 'unknown'}`,
  ];
  if (busy > busyShare) parts.push('BUSY WITH OTHER WORK: figures are rough');
  return parts.join(', ');
}
