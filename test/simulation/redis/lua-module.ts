import { LuaApi } from 'wasmoon-lua5.1';

/** A Lua state, a place in WASM's memory, and a position on Lua's stack are numbers. */
type State = number;
type Pointer = number;

/** What of Lua's own C interface is used here, as the WASM module exports it. */
export interface LuaModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAP32: Int32Array;
  _malloc(bytes: number): Pointer;
  _free(pointer: Pointer): void;
  addFunction(run: (state: State) => number, signature: 'ii'): Pointer;
  _luaL_newstate(): State;
  _luaL_openlibs(state: State): void;
  _luaL_loadbuffer(state: State, text: Pointer, bytes: number, name: Pointer): number;
  _luaL_ref(state: State, table: number): number;
  _lua_pcall(state: State, args: number, results: number, handler: number): number;
  _lua_error(state: State): number;
  _lua_gettop(state: State): number;
  _lua_settop(state: State, index: number): void;
  _lua_type(state: State, index: number): number;
  _lua_typename(state: State, type: number): Pointer;
  _lua_objlen(state: State, index: number): number;
  _lua_next(state: State, index: number): number;
  _lua_checkstack(state: State, extra: number): number;
  _lua_toboolean(state: State, index: number): number;
  _lua_tonumber(state: State, index: number): number;
  _lua_tolstring(state: State, index: number, bytes: Pointer): Pointer;
  _lua_touserdata(state: State, index: number): Pointer;
  _lua_pushnil(state: State): void;
  _lua_pushboolean(state: State, value: 0 | 1): void;
  _lua_pushnumber(state: State, value: number): void;
  _lua_pushlstring(state: State, text: Pointer, bytes: number): void;
  _lua_pushlightuserdata(state: State, pointer: Pointer): void;
  _lua_pushcclosure(state: State, run: Pointer, upvalues: number): void;
  _lua_pushvalue(state: State, index: number): void;
  _lua_createtable(state: State, items: number, fields: number): void;
  _lua_rawset(state: State, table: number): void;
  _lua_rawseti(state: State, table: number, item: number): void;
  _lua_rawget(state: State, table: number): void;
  _lua_rawgeti(state: State, table: number, item: number): void;
  _lua_setmetatable(state: State, index: number): number;
  _lua_concat(state: State, count: number): void;
  _luaL_where(state: State, level: number): void;
  _lua_setfield(state: State, table: number, name: Pointer): void;
}

/** Constants of lua.h, version 5.1. */
export const REGISTRY = -10000;
export const GLOBALS = -10002;
export const ALL_RESULTS = -1;
export const TYPE = {
  nil: 0,
  boolean: 1,
  lightUserdata: 2,
  number: 3,
  string: 4,
  table: 5,
} as const;

/** Lua 5.1, as Redis has it, so that numbers, `unpack` and the like are what they are there. */
export const luaModule: LuaModule = (await LuaApi.initialize()).module as unknown as LuaModule;
