import { Chance } from './chance.js';
import { inOrder, type LoadEvent } from './load-event.js';

export interface WorkflowOptions {
  readonly seed: number;
  readonly lengthMs: number;
  /** Workflows that begin in a second, in the mean. */
  readonly perSecond: number;
  /** Connections, numbered from `firstClient` on. */
  readonly connections: number;
  readonly firstClient: number;
  /** Share, 0 to 1, of the steps that any connection of the pool runs, instead of that of the step before. */
  readonly pooled: number;
}

export const workflowDefaults: WorkflowOptions = {
  seed: 1,
  lengthMs: 120_000,
  perSecond: 20,
  connections: 16,
  firstClient: 1,
  pooled: 0.5,
};

/** What the steps of one workflow have in common. */
interface Subject {
  /** Counted up. */
  readonly order: number;
  readonly cart: string;
  readonly user: number;
}

interface Step {
  key(subject: Subject): string;
  /** Share of the workflows that get to this step from the one before. */
  readonly reached: number;
  /** Median of the delay after the step before. */
  readonly afterMs: number;
  /** Standard deviation of the logarithm of that delay. */
  readonly spread: number;
  readonly holdMs: number;
}

/** Each as likely as the others. Their keys come once: nothing of their own tells that they will. */
const workflowKinds: readonly (readonly Step[])[] = [
  [
    { key: ({ order }) => `order:${order}:reserve`, reached: 1, afterMs: 0, spread: 0, holdMs: 8 },
    {
      key: ({ order }) => `order:${order}:pay`,
      reached: 0.9,
      afterMs: 150,
      spread: 0.3,
      holdMs: 20,
    },
    {
      key: ({ order }) => `order:${order}:ship`,
      reached: 0.8,
      afterMs: 700,
      spread: 0.4,
      holdMs: 8,
    },
  ],
  // The variable moves, and a second one joins it.
  [
    { key: ({ cart }) => `cart/${cart}/items`, reached: 1, afterMs: 0, spread: 0, holdMs: 3 },
    {
      key: ({ cart, user }) => `payment/${user}/${cart}`,
      reached: 0.7,
      afterMs: 250,
      spread: 0.4,
      holdMs: 15,
    },
    { key: ({ user }) => `points:${user}`, reached: 0.8, afterMs: 60, spread: 0.2, holdMs: 2 },
  ],
  // Numbers that are counted up, page after page.
  Array.from({ length: 5 }, (_, page) => ({
    key: ({ order }: Subject) => `import:${order}:page:${page + 1}`,
    reached: page === 0 ? 1 : 0.85,
    afterMs: page === 0 ? 0 : 200,
    spread: 0.15,
    holdMs: 10,
  })),
];

/** In the mean. */
export const stepsPerWorkflow =
  workflowKinds.reduce((all, steps) => all + stepsInTheMean(steps), 0) / workflowKinds.length;

function stepsInTheMean(steps: readonly Step[]): number {
  let reached = 1;
  let mean = 0;
  for (const step of steps) {
    reached *= step.reached;
    mean += reached;
  }
  return mean;
}

/** Numbers of users are drawn from so many: most have not been seen, some come back. */
const USERS = 100_000;
/** Where orders begin to be counted. */
const FIRST_ORDER = 100_000;

/** Order workflows over keys that were never seen before, with steps that any connection of a pool may run. */
export function workflows(options: WorkflowOptions = workflowDefaults): LoadEvent[] {
  const chance = new Chance(options.seed);
  const events: LoadEvent[] = [];
  let order = FIRST_ORDER;
  let beginsMs = chance.exponential(1000 / options.perSecond);
  for (; beginsMs < options.lengthMs; beginsMs += chance.exponential(1000 / options.perSecond)) {
    const subject = { order: order++, cart: chance.uuid(), user: chance.below(USERS) };
    runThrough(chance.pick(workflowKinds), subject, beginsMs, chance, options, events);
  }
  return inOrder(events.filter(({ atMs }) => atMs < options.lengthMs));
}

function runThrough(
  steps: readonly Step[],
  subject: Subject,
  beginsMs: number,
  chance: Chance,
  { connections, firstClient, pooled }: WorkflowOptions,
  events: LoadEvent[],
): void {
  const anyClient = (): number => firstClient + chance.below(connections);
  let atMs = beginsMs;
  let client = anyClient();
  for (const [index, step] of steps.entries()) {
    if (!chance.chance(step.reached)) return;
    atMs += chance.about(step.afterMs, step.spread);
    if (index > 0 && chance.chance(pooled)) client = anyClient();
    const holdMs = chance.about(step.holdMs, 0.3);
    const key = step.key(subject);
    events.push({ atMs, client, key, holdMs, kind: 'workflow', follows: index > 0 });
  }
}
