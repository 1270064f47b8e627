import { Chance } from './chance.js';
import { inOrder, type LoadEvent } from './load-event.js';
import { stepsPerWorkflow, workflows } from './workflows.js';

export interface MixedOptions {
  readonly seed: number;
  readonly lengthMs: number;
  /** Requests in a second, in the mean. */
  readonly perSecond: number;
  /** Connections that the workflows and the noise have each. */
  readonly connections: number;
}

export const mixedDefaults: MixedOptions = {
  seed: 1,
  lengthMs: 120_000,
  perSecond: 100,
  connections: 16,
};

/** Share of the requests that each kind has: a half of them cannot be forecast. */
export const mixedShares = { periodic: 0.15, bursty: 0.15, workflow: 0.2, noise: 0.5 } as const;

/** Periods of the jobs, spread evenly on a logarithmic scale. */
const PERIOD_MIN_MS = 250;
const PERIOD_MAX_MS = 8_000;
/** A job is late or early by that part of its period. */
const JITTER = 0.02;
/** A user comes back after so long, in the mean … */
const AWAY_MS = 15_000;
/** … and asks so often, in the mean, with such gaps. */
const BURST_REQUESTS = 8;
const BURST_GAP_MS = 120;
/** Keys that the noise returns to, each about as rarely as the others; as much of it is of keys that come once. */
const NOISE_KEYS = 2_000;

/**
 * What a proxy may see on a working day: periodic jobs with jitter, users that come in bursts, order
 * workflows over keys that were never seen before, and a half that cannot be forecast. The same seed
 * gives the same load.
 */
export function mixedTrace(options: MixedOptions = mixedDefaults): LoadEvent[] {
  const { seed, lengthMs, perSecond, connections } = options;
  const chance = new Chance(seed);
  const events: LoadEvent[] = [];
  const periodic = periodicJobs(chance, lengthMs, perSecond * mixedShares.periodic, events);
  const users = burstyUsers(chance, lengthMs, perSecond * mixedShares.bursty, periodic, events);
  const noiseFrom = periodic + users;
  const noisePerSecond = perSecond * mixedShares.noise;
  noise(chance, lengthMs, noisePerSecond, { from: noiseFrom, connections }, events);
  const orders = workflows({
    seed: chance.below(2 ** 31),
    lengthMs,
    perSecond: (perSecond * mixedShares.workflow) / stepsPerWorkflow,
    connections,
    firstClient: noiseFrom + connections,
    pooled: 0.5,
  });
  return inOrder([...events, ...orders]);
}

/** Gives how many clients there are: each job has its own, numbered from 0. */
function periodicJobs(
  chance: Chance,
  lengthMs: number,
  perSecond: number,
  events: LoadEvent[],
): number {
  let jobs = 0;
  for (let missing = perSecond; missing > 0; jobs++) {
    const periodMs = PERIOD_MIN_MS * (PERIOD_MAX_MS / PERIOD_MIN_MS) ** chance.next();
    missing -= 1000 / periodMs;
    const key = `job:${jobs}`;
    for (let dueMs = periodMs * chance.next(); dueMs < lengthMs; dueMs += periodMs) {
      const atMs = dueMs + periodMs * JITTER * chance.normal();
      const holdMs = chance.about(Math.min(periodMs / 10, 50), 0.2);
      if (atMs < 0 || atMs >= lengthMs) continue;
      events.push({ atMs, client: jobs, key, holdMs, kind: 'periodic', follows: false });
    }
  }
  return jobs;
}

/** Gives how many clients there are: each user has one. */
function burstyUsers(
  chance: Chance,
  lengthMs: number,
  perSecond: number,
  firstClient: number,
  events: LoadEvent[],
): number {
  const cycleMs = AWAY_MS + BURST_REQUESTS * BURST_GAP_MS;
  const users = Math.max(1, Math.round((perSecond * cycleMs) / (1000 * BURST_REQUESTS)));
  for (let user = 0; user < users; user++) {
    const key = `session:${user}`;
    // Some are in the midst of their absence when the load begins.
    let atMs = chance.exponential(AWAY_MS);
    while (atMs < lengthMs) {
      const holdMs = chance.about(5, 0.4);
      events.push({
        atMs,
        client: firstClient + user,
        key,
        holdMs,
        kind: 'bursty',
        follows: false,
      });
      const goesOn = chance.chance(1 - 1 / BURST_REQUESTS);
      atMs += holdMs + (goesOn ? chance.about(BURST_GAP_MS, 0.5) : chance.exponential(AWAY_MS));
    }
  }
  return users;
}

function noise(
  chance: Chance,
  lengthMs: number,
  perSecond: number,
  clients: { readonly from: number; readonly connections: number },
  events: LoadEvent[],
): void {
  const meanMs = 1000 / perSecond;
  for (let atMs = chance.exponential(meanMs); atMs < lengthMs; atMs += chance.exponential(meanMs)) {
    const key = chance.chance(0.5) ? `item:${chance.below(NOISE_KEYS)}` : `upload:${chance.uuid()}`;
    const client = clients.from + chance.below(clients.connections);
    events.push({
      atMs,
      client,
      key,
      holdMs: chance.about(5, 0.5),
      kind: 'noise',
      follows: false,
    });
  }
}
