import type { Notice } from '../../src/locks/contract.js';
import { channelOf, noticeOf } from '../../src/locks/notice.js';
import type { LockOptions } from '../../src/locks/options.js';
import { RedisModel } from './redis-model.js';
import { Scene } from './scene.js';
import { WrittenWorld } from './test-world.js';

/** Several proxies before one Redis, on one clock; what Redis tells them arrives when the test says so. */
export class FleetScene {
  readonly redis: RedisModel;
  readonly proxies: readonly Scene[];
  /** What Redis has told, and to whom; on its way. */
  readonly notices: { readonly to: number; readonly notice: Notice }[] = [];

  constructor(count = 2, options: Partial<LockOptions> = {}) {
    this.redis = new RedisModel(() => this.proxy(1).world.wallMs());
    const worlds = Array.from({ length: count }, () => new WrittenWorld(this.redis));
    const names = worlds.map((_, index) => `p${index + 1}`);
    for (const [index, world] of worlds.entries()) {
      world.fleet = {
        others: () => names.filter(name => name !== `p${index + 1}`),
        whenKnown: then => then(),
        tell: (proxy, message) =>
          this.redis.server.connect().call(['PUBLISH', channelOf(proxy), message]),
      };
    }
    this.proxies = worlds.map((world, index) => {
      return new Scene(options, inner => inner, world, `p${index + 1}`);
    });
    for (const [index] of this.proxies.entries()) this.listen(index + 1);
  }

  private listen(number: number): void {
    const connection = this.redis.server.connect();
    connection.call(['SUBSCRIBE', channelOf(`p${number}`)]);
    connection.onPush = push => {
      if (push.kind !== 'message') return;
      const notice = noticeOf(push.message);
      if (notice === null) throw new Error(`unreadable: ${push.message}`);
      this.notices.push({ to: number, notice });
    };
  }

  /** By its number, from 1. */
  proxy(number: number): Scene {
    const scene = this.proxies[number - 1];
    if (scene === undefined) throw new Error(`no proxy ${number}`);
    return scene;
  }

  /** What Redis has told arrives. Names it. */
  hear(): string[] {
    return this.notices.splice(0).map(({ to, notice }) => {
      this.proxy(to).manager.told(notice);
      return `p${to}: ${notice.kind}`;
    });
  }

  /** Everything that is on its way arrives, and what follows from it. */
  settle(): void {
    while (this.proxies.some(({ world, pipe }) => world.flights.length > 0 || pipe.length > 0)) {
      for (const scene of this.proxies) scene.settle();
      this.hear();
    }
    if (this.hear().length > 0) this.settle();
  }

  /** Time passes for all of them, and everything arrives at once. */
  live(ms: number): void {
    const worlds = this.proxies.map(({ world }) => world);
    let leftMs = ms;
    for (;;) {
      this.settle();
      const nextInMs = Math.min(...worlds.map(world => world.nextTimerAtMs - world.nowMs));
      const stepMs = Math.max(0, nextInMs);
      if (stepMs > leftMs) break;
      for (const world of worlds) world.pass(stepMs);
      leftMs -= stepMs;
    }
    for (const world of worlds) world.pass(leftMs);
  }
}
