import type { ScriptAnswer, ScriptCall } from '../../src/locks/contract.js';
import { Control } from '../../src/upstream/control/control.js';
import type { ControlOptions } from '../../src/upstream/control/options.js';
import { eventually, type Lifetime } from './lifetime.js';

/** Forelock's control connections alone, and what they told. */
export class Controlled {
  readonly control: Control;
  /** `lost`, `back`, `doubt: …`, in order. */
  readonly events: string[] = [];
  readonly log: string[] = [];
  commands: unknown = undefined;

  constructor(t: Lifetime, port: number, options: Partial<ControlOptions> = {}) {
    this.control = new Control(
      {
        endpoint: { kind: 'tcp', host: '127.0.0.1', port },
        credentials: null,
        upstreamConnectTimeoutMs: 1000,
        keepAliveMs: 60_000,
        heartbeatMs: 20,
        permissionCacheMs: 5000,
        permissionCacheMax: 1000,
        permissionFirstUseMs: 1000,
        controlSilenceMaxMs: 10_000,
        controlRetryMinMs: 50,
        controlRetryMaxMs: 1000,
        controlDisconnectMs: 200,
        scriptConnectWaitMs: 1000,
        redisFactsMs: 5000,
        confirm: null,
        ...options,
      },
      ['forelock:proxy:test'],
      {
        commands: reply => {
          this.commands = reply;
        },
        lost: () => this.events.push('lost'),
        back: () => this.events.push('back'),
        doubt: reason => this.events.push(`doubt: ${reason}`),
        message: message => this.events.push(`message: ${message}`),
        changed: keys => this.events.push(`changed: ${keys === null ? 'all' : keys.join(' ')}`),
      },
      {
        info: (_facts, message) => this.log.push(message),
        warn: (facts, message) => this.log.push(`${message}: ${reasonOf(facts)}`),
      },
    );
    t.teardown(() => this.control.close());
  }

  static async start(
    t: Lifetime,
    port: number,
    options: Partial<ControlOptions> = {},
  ): Promise<Controlled> {
    const controlled = new Controlled(t, port, options);
    await eventually('Redis is connected', () => controlled.control.isConnected);
    return controlled;
  }

  /** Waits until Redis has told all that may bar delegation; returns the bar. */
  async bar(): Promise<string | null> {
    await eventually(
      'Redis has told its settings',
      () => !/has not told/.test(this.control.delegationBar() ?? ''),
    );
    return this.control.delegationBar();
  }

  run(call: ScriptCall): Promise<ScriptAnswer> {
    return new Promise(resolve => this.control.run(call, resolve));
  }
}

function reasonOf(facts: object): string {
  return 'reason' in facts ? String(facts.reason) : '';
}
