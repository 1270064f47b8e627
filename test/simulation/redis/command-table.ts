import { HASH_COMMANDS, LIST_COMMANDS } from './collections.js';
import type { Command } from './command.js';
import { KEY_COMMANDS } from './keys.js';
import { SERVER_COMMANDS } from './server-commands.js';
import { SORTED_SET_COMMANDS } from './sorted-sets.js';
import { STRING_COMMANDS } from './strings.js';

/** Every command that is modelled, by its name in capitals. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [
    STRING_COMMANDS,
    KEY_COMMANDS,
    LIST_COMMANDS,
    HASH_COMMANDS,
    SORTED_SET_COMMANDS,
    SERVER_COMMANDS,
  ].flatMap(table => Object.entries(table)),
);
