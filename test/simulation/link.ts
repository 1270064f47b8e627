import type { EventQueue } from './event-queue.js';
import type { SeededRandom } from './random.js';

interface Sent {
  readonly execute: () => void;
  readonly unknown: () => void;
  /** Whether it would meet something else by now than what it was sent for. */
  readonly isOutdated: () => boolean;
  executed: boolean;
  done: boolean;
}

/**
 * A connection to Redis: what is sent is carried out in order, and answered in order, each after a
 * while. A cut one may still deliver what it had taken, but none of the answers.
 */
export class Link {
  private open = true;
  private arrivesAtMs = 0;
  private answersAtMs = 0;
  private inFlight: Sent[] = [];
  /** How long a message is on its way at most, when nothing holds it up. */
  usualMs = 2;
  /** Every message is slow for a while. */
  slowUntilMs = 0;

  constructor(
    private readonly events: EventQueue,
    private readonly random: SeededRandom,
    /** How long after a cut what was taken may still be carried out. */
    private readonly lateMs: number,
  ) {}

  /** Whether what is sent arrives. */
  get isOpen(): boolean {
    return this.open;
  }

  send<T>(
    execute: () => T,
    answered: (reply: T) => void,
    unknown: () => void,
    isOutdated: () => boolean = () => true,
  ): void {
    const { events } = this;
    const sent: Sent = {
      executed: false,
      done: false,
      unknown,
      isOutdated,
      execute: () => {
        sent.executed = true;
        const reply = execute();
        if (!this.inFlight.includes(sent) || !this.open) return;
        this.answersAtMs = Math.max(this.answersAtMs, events.nowMs + this.delayMs());
        events.at(this.answersAtMs, () => {
          if (sent.done) return;
          sent.done = true;
          this.inFlight = this.inFlight.filter(other => other !== sent);
          answered(reply);
        });
      },
    };
    this.inFlight.push(sent);
    // A connection that is broken takes what is sent and delivers none of it.
    if (!this.open) return;
    this.arrivesAtMs = Math.max(this.arrivesAtMs, events.nowMs + this.delayMs());
    events.at(this.arrivesAtMs, () => {
      if (!sent.done && !sent.executed && this.open) sent.execute();
    });
  }

  /**
   * Breaks it. Gives a function that tells, once the loss is noticed, whose answers are lost;
   * a first part of what was on its way is still carried out before that.
   */
  cut(): () => (() => void)[] {
    this.open = false;
    const onTheWay = this.inFlight.filter(sent => !sent.executed && !sent.done);
    const delivered = this.random.below(onTheWay.length + 1);
    for (const sent of onTheWay.slice(0, delivered)) {
      const lateMs = this.random.below(this.lateMs);
      const latestAtMs = this.events.nowMs + this.lateMs;
      this.events.after(lateMs, () => this.carryOut(sent, latestAtMs));
    }
    return () => {
      const lost = this.inFlight.filter(sent => !sent.done);
      this.inFlight = [];
      for (const sent of lost) sent.done = true;
      return lost.map(sent => sent.unknown);
    };
  }

  /** A script that comes late does so when it can do most harm, now and then. */
  private carryOut(sent: Sent, latestAtMs: number): void {
    const { events } = this;
    if (events.nowMs < latestAtMs && !sent.isOutdated() && this.random.chance(0.9)) {
      events.after(this.lateMs / 20, () => this.carryOut(sent, latestAtMs));
    } else {
      sent.execute();
    }
  }

  reconnect(): void {
    this.open = true;
    this.arrivesAtMs = 0;
    this.answersAtMs = 0;
  }

  private delayMs(): number {
    if (this.events.nowMs < this.slowUntilMs) return this.random.below(1600);
    return this.random.chance(0.02) ? this.random.below(60) : this.random.next() * this.usualMs;
  }
}
