import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClientName,
  clientNames,
  type LibraryName,
  libraryNames,
  openShopkeeper,
  retryDelayMinMs,
  type Shopkeeper,
} from './libraries.js';

/**
 * Order processing, the load of the demo. Each library has a shop; in each shop workers, two on
 * each client, take orders one after the other:
 *
 *   reserve   lock order:{id}, then stock:sku-{n}; read how many are left, write one less
 *   pay       lock order:{id}; the payment takes a moment
 *   ship      lock order:{id}; the label takes a moment
 *
 * A worker mostly sells from a shelf of its own, so it takes the same stock lock again and again;
 * now and then it sells from another's, and one of the two has to wait. The stock is read and
 * written in two commands: if two ever held a stock lock at once, an update would be lost, and the
 * stock would show it.
 */

const workersPerClient = 2;
const stockAtFirst = 1_000_000;
/** Share of the orders that are for any shelf of the shop. */
const elsewhereShare = 0.15;
const paymentMs = 2;
const labelMs = 1;
/** Between two steps of an order, and between two orders: any time up to twice this. */
const pauseMs = 5;

export interface ShopResult {
  readonly acquiresMs: number[];
  /** Of these: the ones that took as long as a refused library pauses at least. */
  readonly waitsMs: number[];
  cycles: number;
  orders: number;
  /** GETs and SETs of the application itself. */
  applicationCommands: number;
}

export interface Worker {
  readonly library: LibraryName;
  readonly client: ClientName;
  readonly shelf: number;
  readonly shopkeeper: Shopkeeper;
}

export interface Shops {
  readonly workers: readonly Worker[];
  /** All workers process orders for so long; each finishes the order that it is at. */
  work(lastsMs: number): Promise<ReadonlyMap<Worker, ShopResult>>;
  /** Sales that the stock doesn't show, over all the time; 0 unless a lock was held twice. */
  lostUpdates(): Promise<number>;
  close(): void;
}

/** Opens both shops on the Redis (or proxy, or relay) at `port`, which must be empty. */
export async function openShops(port: number): Promise<Shops> {
  const workers: Worker[] = [];
  for (const library of libraryNames) {
    let shelf = 0;
    for (const client of clientNames) {
      for (let count = 0; count < workersPerClient; count++) {
        const shopkeeper = await openShopkeeper(library, client, port);
        await shopkeeper.set(stockKey(library, shelf), String(stockAtFirst));
        workers.push({ library, client, shelf, shopkeeper });
        shelf++;
      }
    }
  }
  let sold = 0;
  let nextOrder = 1;
  return {
    workers,
    async work(lastsMs) {
      const endsAtMs = performance.now() + lastsMs;
      const results = new Map<Worker, ShopResult>();
      await Promise.all(
        workers.map(async worker => {
          const result = noResult();
          results.set(worker, result);
          while (performance.now() < endsAtMs) {
            await processOrder(worker, nextOrder++, result);
            result.orders++;
            sold++;
            await pause();
          }
        }),
      );
      return results;
    },
    async lostUpdates() {
      let shown = 0;
      for (const { library, shelf, shopkeeper } of workers) {
        shown += stockAtFirst - Number(await shopkeeper.get(stockKey(library, shelf)));
      }
      return sold - shown;
    },
    close() {
      for (const { shopkeeper } of workers) shopkeeper.close();
    },
  };
}

export function noResult(): ShopResult {
  return { acquiresMs: [], waitsMs: [], cycles: 0, orders: 0, applicationCommands: 0 };
}

async function processOrder(worker: Worker, id: number, result: ShopResult): Promise<void> {
  const order = `order:${id}`;
  await locked(worker, order, result, () => reserve(worker, result));
  await pause();
  await locked(worker, order, result, () => sleep(paymentMs));
  await pause();
  await locked(worker, order, result, () => sleep(labelMs));
}

function reserve(worker: Worker, result: ShopResult): Promise<void> {
  const { library, shopkeeper } = worker;
  const shelves = workersPerClient * clientNames.length;
  const shelf = Math.random() < elsewhereShare ? Math.floor(Math.random() * shelves) : worker.shelf;
  const left = stockKey(library, shelf);
  return locked(worker, `stock:sku-${shelf}`, result, async () => {
    await shopkeeper.set(left, String(Number(await shopkeeper.get(left)) - 1));
    result.applicationCommands += 2;
  });
}

async function locked(
  worker: Worker,
  resource: string,
  result: ShopResult,
  work: () => Promise<void>,
): Promise<void> {
  const askedAtMs = performance.now();
  const release = await worker.shopkeeper.lock(resource);
  const tookMs = performance.now() - askedAtMs;
  result.acquiresMs.push(tookMs);
  if (tookMs >= retryDelayMinMs) result.waitsMs.push(tookMs);
  await work();
  await release();
  result.cycles++;
}

function stockKey(library: LibraryName, shelf: number): string {
  return `${library}:left:sku-${shelf}`;
}

function pause(): Promise<void> {
  return sleep(Math.random() * 2 * pauseMs);
}
