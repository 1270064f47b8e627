#!/usr/bin/env node
import { compose, type Forelock } from './compose.js';
import {
  formatAddress,
  helpText,
  type ListenAddress,
  type Options,
  readCommand,
} from './config.js';
import { createLog, type Log, type LogOutput } from './observe/log.js';
import { packageVersion } from './package.js';
import { StartError } from './start-error.js';
import { stopSignal } from './stop-signal.js';

/** The `forelock` command: options → compose → run until a signal. */
async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2), process.env);
  switch (command.kind) {
    case 'help':
      process.stdout.write(helpText());
      return;
    case 'version':
      process.stdout.write(`forelock ${packageVersion()}\n`);
      return;
    case 'wrong':
      for (const problem of command.problems) process.stderr.write(`forelock: ${problem}\n`);
      process.exitCode = 1;
      return;
    case 'check':
      for (const warning of command.warnings) process.stderr.write(`forelock: ${warning}\n`);
      process.stdout.write('forelock: all settings are valid\n');
      return;
    case 'run':
      await run(command.options, command.warnings);
  }
}

async function run(options: Options, warnings: readonly string[]): Promise<void> {
  const output = await createLog(options.logLevel, options.logBacklogBytes, process.stdout.isTTY);
  const { log } = output;
  const fault = (error: unknown): void => {
    // The state is not known any more: ending leaves every delegation to its lease.
    log.fatal({ err: error }, 'a fault of Forelock: it ends');
    process.exit(1);
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
  for (const warning of warnings) log.warn(warning);

  const stop = stopSignal(process, () => performance.now());
  const forelock = await composeOrExplain(options, output);
  announce(log, options, forelock);

  let stopping = false;
  void forelock.broken.then(reason => {
    // Its own end is part of ours.
    if (stopping) return;
    log.fatal(reason);
    process.exit(1);
  });
  const signal = await stop;
  stopping = true;
  log.info({ signal }, 'draining: no new grants; delegations are given back');
  await forelock.drain();
  await forelock.close();
  log.info('ended');
  process.exit(0);
}

async function composeOrExplain(options: Options, output: LogOutput): Promise<Forelock> {
  try {
    return await compose(options, output);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`forelock: ${error.message}\n`);
    // What has started so far ends with the process.
    process.exit(1);
  }
}

function announce(log: Log, { mode, group }: Options, { listeners, ...forelock }: Forelock): void {
  const http = formatAddress(forelock.http.host, forelock.http.port);
  const version = packageVersion();
  for (const { listen: address, upstream } of listeners) {
    const listen = formatAddress(address.host, address.port);
    log.info(
      { listen, http, upstream, mode, version },
      `listening on ${listen} for Redis clients; HTTP on ${http}`,
    );
    if (forelock.isRedisPrivate) {
      log.info(
        `no --upstream given: this is a private redis-server (${upstream}); ` +
          'it keeps nothing on disk and stops with Forelock',
      );
    }
    log.info(`try: ${redisCli(address)}`);
  }
  if (group) log.info(`a Redlock group of ${listeners.length}: give your client all of them`);
}

/** redis-cli's own default host is 127.0.0.1. */
function redisCli({ host, port }: ListenAddress): string {
  const isDefault = host === '127.0.0.1' || host === '0.0.0.0' || host === '::';
  return `redis-cli ${isDefault ? '' : `-h ${host} `}-p ${port}`;
}

await main();
