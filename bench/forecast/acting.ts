/** Requests over which it is looked at which model acted most often. */
const STRETCH = 1000;

/** From this request on, this model acted more often than any other; with its share of a stretch. */
export interface Acting {
  readonly request: number;
  readonly model: string;
  readonly share: number;
}

/** Which model acted when. */
export class ActingModels {
  readonly list: Acting[] = [];
  private counts = new Map<string, number>();
  private seen = 0;
  private requests = 0;

  requested(model: string): void {
    this.requests++;
    this.seen++;
    this.counts.set(model, (this.counts.get(model) ?? 0) + 1);
    if (this.seen === STRETCH) this.finish();
  }

  /** The last stretch may be a short one. */
  finish(): void {
    let model = '';
    let most = 0;
    for (const [name, count] of this.counts) {
      if (count > most) {
        model = name;
        most = count;
      }
    }
    if (most > 0 && this.list.at(-1)?.model !== model) {
      const request = this.requests - this.seen + 1;
      this.list.push({ request, model, share: most / this.seen });
    }
    this.counts = new Map();
    this.seen = 0;
  }
}
