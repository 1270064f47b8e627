import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isInstalled, type Program, startProgram, temporaryFolder } from './processes.js';

/** The proxies that Forelock is measured against, each with its defaults. */

const haproxyHint = 'apt-get install haproxy';
const nutcrackerHint = 'apt-get install nutcracker';

/** HAProxy in tcp mode, or null and a word on how to get it. */
export async function startHaproxy(redisPort: number): Promise<Program | null> {
  if (!installed('haproxy', haproxyHint)) return null;
  const configuration = join(temporaryFolder(), 'haproxy.cfg');
  return startProgram('haproxy', 'haproxy', port => {
    writeFileSync(
      configuration,
      [
        'defaults',
        '  mode tcp',
        '  timeout connect 5s',
        '  timeout client 1h',
        '  timeout server 1h',
        'listen redis',
        `  bind 127.0.0.1:${port}`,
        `  server redis 127.0.0.1:${redisPort}`,
        '',
      ].join('\n'),
    );
    // -db: stay in the foreground, as a child that can be ended.
    return ['-db', '-f', configuration];
  });
}

/** twemproxy, or null and a word on how to get it. */
export async function startNutcracker(redisPort: number): Promise<Program | null> {
  if (!installed('nutcracker', nutcrackerHint)) return null;
  const folder = temporaryFolder();
  const configuration = join(folder, 'nutcracker.yml');
  return startProgram('twemproxy', 'nutcracker', async port => {
    writeFileSync(
      configuration,
      [
        'bench:',
        `  listen: 127.0.0.1:${port}`,
        '  redis: true',
        '  servers:',
        `   - 127.0.0.1:${redisPort}:1`,
        '',
      ].join('\n'),
    );
    // Its port for statistics is 22222 unless it is told another.
    const statistics = ['--stats-addr', '127.0.0.1', '--stats-port', String(await freePort())];
    const files = ['--pid-file', join(folder, 'pid'), '--output', join(folder, 'log')];
    return ['--conf-file', configuration, ...statistics, ...files];
  });
}

function installed(command: string, hint: string): boolean {
  if (isInstalled(command)) return true;
  console.log(`${command} is not installed and is left out; to have it measured: ${hint}`);
  return false;
}
