import { type LuaModule, luaModule, TYPE } from './lua-module.js';

/** Strings of a script's own are short; longer ones find more room when they come. */
const ROOM_BYTES = 4096;
/**
 * From here on the runtime's own conversion is faster than a loop, which would leave a string of
 * pieces besides.
 */
const LONG_BYTES = 13;

/** Puts values onto the stack of a Lua state, and reads them from it; strings are bytes (latin1). */
export class LuaStack {
  readonly lua: LuaModule = luaModule;
  private roomBytes = ROOM_BYTES;
  private view = Buffer.from(luaModule.HEAPU8.buffer);
  private room = luaModule._malloc(ROOM_BYTES);
  /** Where Lua writes the length of a string. */
  private readonly length = luaModule._malloc(4);

  pushString(state: number, text: string): void {
    this.write(text);
    this.lua._lua_pushlstring(state, this.room, text.length);
  }

  /** The field of the table on top of the stack. */
  setField(state: number, name: string, value: string | number | true): void {
    this.pushString(state, name);
    if (typeof value === 'string') this.pushString(state, value);
    else if (value === true) this.lua._lua_pushboolean(state, 1);
    else this.lua._lua_pushnumber(state, value);
    this.lua._lua_rawset(state, -3);
  }

  /** The string there; only for strings: Lua would turn a number into one in its place. */
  stringAt(state: number, index: number): string {
    const { lua } = this;
    const start = lua._lua_tolstring(state, index, this.length);
    const bytes = lua.HEAP32[this.length >> 2] ?? 0;
    const memory = this.memory();
    if (bytes >= LONG_BYTES) return memory.toString('latin1', start, start + bytes);
    let text = '';
    for (let at = start; at < start + bytes; at++) text += String.fromCharCode(memory[at] ?? 0);
    return text;
  }

  /** The named field of the table there, if it is a string. */
  fieldAt(state: number, index: number, name: string): string | null {
    const { lua } = this;
    this.pushString(state, name);
    lua._lua_rawget(state, index < 0 ? index - 1 : index);
    const text = lua._lua_type(state, -1) === TYPE.string ? this.stringAt(state, -1) : null;
    lua._lua_settop(state, -2);
    return text;
  }

  typeNameAt(state: number, index: number): string {
    const { lua } = this;
    const start = lua._lua_typename(state, lua._lua_type(state, index));
    const memory = this.memory();
    return memory.toString('latin1', start, memory.indexOf(0, start));
  }

  /** Gives a place in memory that holds the text and a zero, for good. */
  constant(text: string): number {
    const place = this.lua._malloc(text.length + 1);
    this.lua.HEAPU8.set(Buffer.from(`${text}\0`, 'latin1'), place);
    return place;
  }

  /** Leaves the compiled text on the stack, or the reason why there is none. */
  load(state: number, text: string, name: number): boolean {
    this.write(text);
    return this.lua._luaL_loadbuffer(state, this.room, text.length, name) === 0;
  }

  private write(text: string): void {
    const bytes = text.length;
    if (bytes > this.roomBytes) {
      this.lua._free(this.room);
      this.roomBytes = 2 * bytes;
      this.room = this.lua._malloc(this.roomBytes);
    }
    const { room } = this;
    const memory = this.memory();
    for (let at = 0; at < bytes; at++) memory[room + at] = text.charCodeAt(at);
  }

  /** WASM's memory, which is another one whenever it has grown. */
  private memory(): Buffer {
    const { buffer } = this.lua.HEAPU8;
    if (this.view.buffer !== buffer) this.view = Buffer.from(buffer);
    return this.view;
  }
}
