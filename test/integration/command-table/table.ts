import { geo, hashes, lists, sets, sortedSets, streams } from './collections.js';
import { connection, pubSub, transactions } from './connection.js';
import { keys } from './keys.js';
import type { Table } from './row.js';
import { scripting } from './scripting.js';
import { cluster, server } from './server.js';
import { bitmaps, hyperLogLogs, strings } from './strings.js';

/** Rows that only speak about data: the same on any connection, in any order, in a transaction. */
export const DATA_ROWS: Table = {
  ...strings,
  ...bitmaps,
  ...hyperLogLogs,
  ...lists,
  ...sets,
  ...hashes,
  ...sortedSets,
  ...geo,
  ...streams,
  ...keys,
  ...scripting,
};

/** Every command of Redis 7.0's COMMAND table, and those that 7.2 added (an error before). */
export const COMMAND_TABLE: Table = {
  ...DATA_ROWS,
  ...connection,
  ...transactions,
  ...pubSub,
  ...server,
  ...cluster,
};

/**
 * Commands without a real call here, each with the reason. None is needed for Redis 7.0: those
 * that would end or change the server (SHUTDOWN, FAILOVER, REPLICAOF, MODULE LOAD) have forms
 * that it refuses or that change nothing.
 */
export const EXCLUDED: Readonly<Record<string, string>> = {};
