export interface SimEvent {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

/** What is going to happen, in order of time; at the same time, in order of planning. */
export class EventQueue {
  nowMs = 0;
  private readonly heap: SimEvent[] = [];
  private planned = 0;

  at(atMs: number, run: () => void): SimEvent {
    const event: SimEvent = { atMs: Math.max(atMs, this.nowMs), order: this.planned++, run };
    this.heap.push(event);
    this.up(this.heap.length - 1);
    return event;
  }

  after(ms: number, run: () => void): SimEvent {
    return this.at(this.nowMs + ms, run);
  }

  /** Lets everything happen that is to happen until then. */
  runUntil(endMs: number): void {
    for (
      let first = this.heap[0];
      first !== undefined && first.atMs <= endMs;
      first = this.heap[0]
    ) {
      this.pop();
      this.nowMs = first.atMs;
      first.run?.();
    }
    this.nowMs = endMs;
  }

  private pop(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.down(0);
  }

  private up(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.swapIfEarlier(index, parent)) return;
      index = parent;
    }
  }

  private down(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child = this.earlier(right, left) ? right : left;
      if (!this.swapIfEarlier(child, index)) return;
      index = child;
    }
  }

  private swapIfEarlier(index: number, other: number): boolean {
    if (!this.earlier(index, other)) return false;
    const one = this.heap[index];
    const two = this.heap[other];
    if (one === undefined || two === undefined) return false;
    this.heap[index] = two;
    this.heap[other] = one;
    return true;
  }

  private earlier(index: number, other: number): boolean {
    const one = this.heap[index];
    const two = this.heap[other];
    if (one === undefined || two === undefined) return false;
    return one.atMs < two.atMs || (one.atMs === two.atMs && one.order < two.order);
  }
}
