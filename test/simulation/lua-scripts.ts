import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ScriptCall, ScriptName } from '../../src/locks/contract.js';
import { projectFolder } from '../harness/project.js';

const texts = new Map<ScriptName, string>();

function textOf(script: ScriptName): string {
  let text = texts.get(script);
  if (text === undefined) {
    text = readFileSync(join(projectFolder, 'lua', `${script}.lua`), 'utf8');
    texts.set(script, text);
  }
  return text;
}

/** Runs the files of lua/ on a real Redis, as they are. */
export class LuaScripts {
  readonly redis: Redis;

  constructor(port: number, username?: string) {
    const login = username === undefined ? {} : { username, password: 'any' };
    this.redis = new Redis(port, '127.0.0.1', {
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      ...login,
    });
  }

  /** The answer with strings as binary ones. */
  async run(call: Omit<ScriptCall, 'database'>): Promise<(string | number | null)[]> {
    const args = [...call.keys, ...call.args].map(bytes);
    const answer = await this.redis.callBuffer('EVAL', [
      textOf(call.script),
      String(call.keys.length),
      ...args,
    ]);
    if (!Array.isArray(answer)) throw new Error(`${call.script} gave no array`);
    return answer.map(value => (Buffer.isBuffer(value) ? value.toString('latin1') : value));
  }

  close(): void {
    this.redis.disconnect();
  }
}

function bytes(argument: string | number): Buffer {
  return Buffer.from(String(argument), 'latin1');
}
