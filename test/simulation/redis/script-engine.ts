import { createHash } from 'node:crypto';
import { errorText } from './lua-errors.js';
import { JsonError, LuaJson } from './lua-json.js';
import { ALL_RESULTS, GLOBALS, type LuaModule, luaModule, REGISTRY, TYPE } from './lua-module.js';
import { LuaStack } from './lua-stack.js';
import { generalFormat } from './numbers.js';
import { ErrorReply, type Reply, Status } from './reply.js';

/** Carries out a command for a script. An error that is not a reply of Redis is thrown. */
export type ScriptHost = (words: readonly string[]) => Reply;

/** A script that was compiled, for all servers of this process. */
export interface CompiledScript {
  /** SHA-1, lower case. */
  readonly sha: string;
  readonly function: number;
}

/**
 * As Redis 7 prepares Lua for scripts: its error handler, word by word, gives an error the place
 * where it was raised; its `pcall` gives the text of an error in place of the table; what depends on
 * the world outside is taken away. The second function runs a script, and gives a short list item by
 * item, since each step from here into Lua and back costs more than many within it.
 */
const PRELUDE = `
local debug, type, tostring, unpack, select, call = debug, type, tostring, unpack, select, pcall
for _, name in ipairs({'debug', 'os', 'io', 'package', 'require', 'module', 'print',
    'dofile', 'loadfile', 'newproxy'}) do
  _G[name] = nil
end
-- Neither the time nor numbers by chance: no script of a protocol may depend on them.
math.random, math.randomseed = nil, nil

local function outcome(ok, problem, ...)
  if ok then return ok, problem, ... end
  if type(problem) == 'table' then
    local text = problem.err
    if type(text) == 'string' or type(text) == 'number' then problem = text end
  end
  return false, problem
end
pcall = function(...) return outcome(call(...)) end

local function handler(err)
  local i = debug.getinfo(2, 'nSl')
  if i and i.what == 'C' then i = debug.getinfo(3, 'nSl') end
  if type(err) ~= 'table' then err = {err = 'ERR ' .. tostring(err)} end
  if i then
    err['source'] = i.source
    err['line'] = i.currentline
  end
  return err
end

KEYS, ARGV = {}, {}
local function run(script, keys, ...)
  local words = {...}
  KEYS, ARGV = {unpack(words, 1, keys)}, {unpack(words, keys + 1)}
  local result = script()
  if type(result) == 'table' and result.err == nil and result.ok == nil and #result <= 8 then
    return true, unpack(result, 1, #result)
  end
  return false, result
end
return handler, run
`;

const REDIS_CONSTANTS: Readonly<Record<string, string | number>> = {
  LOG_DEBUG: 0,
  LOG_VERBOSE: 1,
  LOG_NOTICE: 2,
  LOG_WARNING: 3,
  REDIS_VERSION: '7.0.15',
  REDIS_VERSION_NUM: 0x07000f,
};

/** Runs scripts in one Lua state, each compiled once, with the `redis` and `cjson` of Redis 7. */
class ScriptEngine {
  private readonly lua: LuaModule = luaModule;
  private readonly stack = new LuaStack();
  private readonly json = new LuaJson(this.stack);
  private readonly state = luaModule._luaL_newstate();
  private readonly compiled = new Map<string, CompiledScript | ErrorReply>();
  private readonly errorHandler: number;
  private readonly runner: number;
  private readonly scriptName = this.stack.constant('@user_script');
  private host: ScriptHost | null = null;
  /** What went wrong in the model itself, which no script may catch. */
  private fault: unknown = null;

  constructor() {
    const { lua, state } = this;
    lua._luaL_openlibs(state);
    this.defineRedis();
    this.defineJson();
    this.stack.load(state, PRELUDE, this.stack.constant('@prelude'));
    if (lua._lua_pcall(state, 0, 2, 0) !== 0) throw new Error(this.stack.stringAt(state, -1));
    this.runner = lua._luaL_ref(state, REGISTRY);
    this.errorHandler = lua._luaL_ref(state, REGISTRY);
    this.barGlobals();
  }

  /** The script, or why it is none. */
  compile(text: string): CompiledScript | ErrorReply {
    let script = this.compiled.get(text);
    if (script === undefined) {
      script = this.compileAnew(text);
      this.compiled.set(text, script);
    }
    return script;
  }

  run(
    script: CompiledScript,
    keys: readonly string[],
    args: readonly string[],
    host: ScriptHost,
  ): Reply {
    const { lua, state } = this;
    if (this.host !== null) throw new Error('a script runs while another one does');
    this.host = host;
    try {
      lua._lua_checkstack(state, keys.length + args.length + 20);
      lua._lua_rawgeti(state, REGISTRY, this.errorHandler);
      lua._lua_rawgeti(state, REGISTRY, this.runner);
      lua._lua_rawgeti(state, REGISTRY, script.function);
      lua._lua_pushnumber(state, keys.length);
      for (const key of keys) this.stack.pushString(state, key);
      for (const argument of args) this.stack.pushString(state, argument);
      const failed = lua._lua_pcall(state, 2 + keys.length + args.length, ALL_RESULTS, 1) !== 0;
      if (this.fault !== null) throw this.fault;
      return failed ? this.errorReply(script.sha) : this.result(state);
    } finally {
      lua._lua_settop(state, 0);
      this.host = null;
      this.fault = null;
    }
  }

  private compileAnew(text: string): CompiledScript | ErrorReply {
    const { lua, state } = this;
    if (!this.stack.load(state, text, this.scriptName)) {
      const reason = this.stack.stringAt(state, -1);
      lua._lua_settop(state, 0);
      return new ErrorReply(`ERR Error compiling script (new function): ${reason}`);
    }
    const sha = createHash('sha1').update(text, 'latin1').digest('hex');
    return { sha, function: lua._luaL_ref(state, REGISTRY) };
  }

  /** What no script may do to the names that all share; told as Redis tells it. */
  private barGlobals(): void {
    const { lua, state } = this;
    lua._lua_createtable(state, 0, 2);
    this.define('__newindex', caller =>
      this.raise(caller, 'Attempt to modify a readonly table', true),
    );
    this.define('__index', caller => {
      const name = this.wordAt(caller, 2) ?? '';
      const told = `Script attempted to access nonexistent global variable '${name}'`;
      return this.raise(caller, told, true);
    });
    lua._lua_setmetatable(state, GLOBALS);
  }

  // ---- from Lua to Redis

  private defineRedis(): void {
    const { lua, state } = this;
    lua._lua_createtable(state, 0, 16);
    this.define('call', caller => this.command(caller, true));
    this.define('pcall', caller => this.command(caller, false));
    this.define('error_reply', caller => this.single(caller, 'err'));
    this.define('status_reply', caller => this.single(caller, 'ok'));
    this.define('sha1hex', caller => {
      if (lua._lua_gettop(caller) !== 1) return this.raise(caller, 'wrong number of arguments');
      const sha = createHash('sha1').update(this.wordAt(caller, 1) ?? '', 'latin1');
      this.stack.pushString(caller, sha.digest('hex'));
      return 1;
    });
    this.define('log', () => 0);
    this.define('replicate_commands', caller => {
      lua._lua_pushboolean(caller, 1);
      return 1;
    });
    for (const [name, value] of Object.entries(REDIS_CONSTANTS)) {
      this.stack.setField(state, name, value);
    }
    lua._lua_setfield(state, GLOBALS, this.stack.constant('redis'));
  }

  private defineJson(): void {
    const { lua, state } = this;
    lua._lua_createtable(state, 0, 3);
    this.define('encode', caller =>
      this.withJson(caller, 'encode', () =>
        this.stack.pushString(caller, this.json.encode(caller)),
      ),
    );
    this.define('decode', caller =>
      this.withJson(caller, 'decode', () => {
        const text = this.wordAt(caller, 1);
        if (text === null) {
          const type = this.stack.typeNameAt(caller, 1);
          throw new JsonError(`bad argument #1 to 'decode' (string expected, got ${type})`);
        }
        this.json.decode(caller, text);
      }),
    );
    this.stack.pushString(state, 'null');
    lua._lua_pushlightuserdata(state, 0);
    lua._lua_rawset(state, -3);
    lua._lua_setfield(state, GLOBALS, this.stack.constant('cjson'));
  }

  /** A function as a field of the table on top of the stack. It gives its number of results. */
  private define(name: string, run: (caller: number) => number): void {
    const { lua, state } = this;
    this.stack.pushString(state, name);
    lua._lua_pushcclosure(state, lua.addFunction(run, 'ii'), 0);
    lua._lua_rawset(state, -3);
  }

  private withJson(caller: number, name: string, run: () => void): number {
    if (this.lua._lua_gettop(caller) !== 1) {
      return this.raise(caller, `bad argument #1 to '${name}' (expected 1 argument)`, true);
    }
    let problem: string | null = null;
    try {
      run();
    } catch (error) {
      problem = String(error instanceof JsonError ? error.message : error);
      if (!(error instanceof JsonError)) this.fault = error;
    }
    return problem === null ? 1 : this.raise(caller, problem, true);
  }

  /** Leaves Lua's function by an error, and this one with it. */
  private raise(caller: number, message: string, withPlace = false): number {
    const { lua } = this;
    if (withPlace) lua._luaL_where(caller, 1);
    this.stack.pushString(caller, message);
    if (withPlace) lua._lua_concat(caller, 2);
    return lua._lua_error(caller);
  }

  private command(caller: number, raises: boolean): number {
    const { lua } = this;
    let failed = true;
    try {
      const words = this.words(caller);
      const reply = typeof words === 'string' ? new ErrorReply(words) : this.ask(words);
      failed = reply instanceof ErrorReply;
      this.push(caller, reply);
    } catch (error) {
      this.fault = error;
      this.stack.pushString(caller, 'the model of Redis failed');
      raises = true;
    }
    // Outside of the try: Lua leaves by an exception of its own.
    return raises && failed ? lua._lua_error(caller) : 1;
  }

  private ask(words: readonly string[]): Reply {
    if (this.host === null) throw new Error('no script runs');
    return this.host(words);
  }

  /** The arguments of a call as words, or what is wrong with them. */
  private words(caller: number): string[] | string {
    const count = this.lua._lua_gettop(caller);
    if (count === 0) return 'ERR Please specify at least one argument for this redis lib call';
    const words: string[] = [];
    for (let index = 1; index <= count; index++) {
      const word = this.wordAt(caller, index);
      if (word === null) {
        return 'ERR Lua redis lib command arguments must be strings or integers';
      }
      words.push(word);
    }
    return words;
  }

  /** A string, or a number as Redis writes it for commands: with up to 17 digits. */
  private wordAt(caller: number, index: number): string | null {
    const type = this.lua._lua_type(caller, index);
    if (type === TYPE.string) return this.stack.stringAt(caller, index);
    if (type === TYPE.number) return generalFormat(this.lua._lua_tonumber(caller, index), 17);
    return null;
  }

  private single(caller: number, field: 'err' | 'ok'): number {
    const { lua } = this;
    const isText = lua._lua_gettop(caller) === 1 && lua._lua_type(caller, 1) === TYPE.string;
    if (!isText) {
      this.push(caller, new ErrorReply('ERR wrong number or type of arguments'));
      return 1;
    }
    const text = this.stack.stringAt(caller, 1);
    lua._lua_createtable(caller, 0, 1);
    // A text without a minus gets one, and with it keeps its first word for a code.
    const given = text.startsWith('-') ? text : `-${text}`;
    this.stack.setField(caller, field, field === 'err' ? errorText(given) : text);
    return 1;
  }

  // ---- replies

  private push(caller: number, reply: Reply): void {
    const { lua, stack } = this;
    if (typeof reply === 'string') return stack.pushString(caller, reply);
    if (typeof reply === 'number') return lua._lua_pushnumber(caller, reply);
    if (reply === null) return lua._lua_pushboolean(caller, 0);
    if (reply instanceof Status || reply instanceof ErrorReply) {
      lua._lua_createtable(caller, 0, 2);
      if (reply instanceof Status) return stack.setField(caller, 'ok', reply.text);
      stack.setField(caller, 'err', reply.message);
      return stack.setField(caller, 'ignore_error_stats_update', true);
    }
    lua._lua_checkstack(caller, 4);
    lua._lua_createtable(caller, reply.length, 0);
    reply.forEach((item, index) => {
      this.push(caller, item);
      lua._lua_rawseti(caller, -2, index + 1);
    });
  }

  /** What the runner gave, above the error handler: whether it is a list, and its items. */
  private result(state: number): Reply {
    const { lua } = this;
    if (lua._lua_toboolean(state, 2) === 0) return this.replyAt(state, 3);
    const end = lua._lua_gettop(state);
    const items: Reply[] = [];
    for (let index = 3; index <= end; index++) {
      const item = this.replyAt(state, index);
      // A list ends before its first hole.
      if (item === null && lua._lua_type(state, index) === TYPE.nil) break;
      items.push(item);
    }
    return items;
  }

  private replyAt(state: number, index: number): Reply {
    const { lua, stack } = this;
    switch (lua._lua_type(state, index)) {
      case TYPE.string:
        return stack.stringAt(state, index);
      case TYPE.number:
        return Math.trunc(lua._lua_tonumber(state, index));
      case TYPE.boolean:
        return lua._lua_toboolean(state, index) === 0 ? null : 1;
      case TYPE.table:
        lua._lua_checkstack(state, 4);
        lua._lua_pushvalue(state, index);
        try {
          return this.tableReply(state);
        } finally {
          lua._lua_settop(state, -2);
        }
      default:
        return null;
    }
  }

  /** Of the table on top of the stack. */
  private tableReply(state: number): Reply {
    const { lua, stack } = this;
    const message = stack.fieldAt(state, -1, 'err');
    if (message !== null) return new ErrorReply(message);
    const text = stack.fieldAt(state, -1, 'ok');
    if (text !== null) return new Status(text.replace(/[\r\n]/g, ' '));
    const items: Reply[] = [];
    for (let item = 1; ; item++) {
      lua._lua_rawgeti(state, -1, item);
      const isEnd = lua._lua_type(state, -1) === TYPE.nil;
      if (!isEnd) items.push(this.replyAt(state, lua._lua_gettop(state)));
      lua._lua_settop(state, -2);
      if (isEnd) return items;
    }
  }

  /** The error that ended the script, with its place. */
  private errorReply(sha: string): ErrorReply {
    const { lua, stack, state } = this;
    if (lua._lua_type(state, -1) !== TYPE.table) {
      return new ErrorReply(`ERR ${stack.stringAt(state, -1)} script: ${sha}`);
    }
    const message = stack.fieldAt(state, -1, 'err') ?? 'ERR unknown error';
    const source = stack.fieldAt(state, -1, 'source');
    if (source === null) return new ErrorReply(`${message} script: ${sha}`);
    stack.pushString(state, 'line');
    lua._lua_rawget(state, -2);
    const line = lua._lua_tonumber(state, -1);
    lua._lua_settop(state, -2);
    return new ErrorReply(`${message} script: ${sha}, on ${source}:${line}.`);
  }
}

/** One for the process: servers differ in what they have loaded, not in what a text means. */
export const scriptEngine = new ScriptEngine();
