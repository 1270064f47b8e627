import { createHash } from 'node:crypto';
import { type Arguments, textAt, wordAt } from './arguments.js';
import {
  CATALOGUE,
  meaningOfShape,
  NAMED_KEYS_ONLY_SHAS,
  type ScriptMeaning,
} from './catalogue.js';
import { CommandTable } from './command-table.js';
import type { Intent } from './intent.js';
import { type ScriptForms, scriptForms } from './lock-forms.js';
import type { ScriptScopes } from './named-keys.js';
import { intentOf } from './recognise.js';
import { mayLoopForever, scriptScope } from './script-scope.js';
import { scriptShape } from './script-shape.js';
import type { ScriptScope } from './touched.js';

const MINUS = 0x2d;

/** A script whose text went by, or that the catalogue knows. */
export interface KnownScript {
  /** Lower case. */
  readonly sha: string;
  /** Null: it is no lock's that we can read. */
  readonly meaning: ScriptMeaning | null;
  /** What the lock manager is told of its meaning. */
  readonly forms: ScriptForms | null;
  readonly scope: ScriptScope;
  /** It has a loop without an end of its own: not to be run where it holds others up. */
  readonly mayLoopForever: boolean;
}

/** Limits of what is remembered; the names are the settings' own. */
export interface ScriptKnowledgeOptions {
  /** Scripts that are remembered; the one unused for longest is forgotten. */
  readonly scriptsMax: number;
  /** Longer texts are not read: they are taken to touch everything. */
  readonly scriptTextMaxBytes: number;
  /** Longer ones are not looked at for whether they lock; the longest form in use has some 60. */
  readonly scriptTokensMax: number;
  /** All texts that are kept, so that a known one need not be hashed and read again. */
  readonly scriptTextsMaxBytes: number;
}

export const scriptDefaults: ScriptKnowledgeOptions = {
  scriptsMax: 2000,
  scriptTextMaxBytes: 64 * 1024,
  scriptTokensMax: 200,
  scriptTextsMaxBytes: 8 * 1024 * 1024,
};

/**
 * What scripts mean and touch, learnt from the texts of EVAL and SCRIPT LOAD as they go by. What a
 * script does depends on its text alone, so SCRIPT FLUSH and a restart of Redis change nothing here.
 */
export class ScriptKnowledge implements ScriptScopes {
  readonly #scriptsMax: number;
  readonly #textMaxBytes: number;
  readonly #textsMaxBytes: number;
  readonly #tokensMax: number;
  #textsBytes = 0;
  #table = new CommandTable(null);
  /** Both maps are in the order of last use. */
  readonly #bySha = new Map<string, KnownScript>();
  readonly #byText = new Map<string, KnownScript>();
  /** SHA-1s that the upstream has shown to know. */
  readonly #loaded = new Set<string>();

  constructor(options: ScriptKnowledgeOptions = scriptDefaults) {
    this.#scriptsMax = options.scriptsMax;
    this.#textMaxBytes = options.scriptTextMaxBytes;
    this.#textsMaxBytes = options.scriptTextsMaxBytes;
    this.#tokensMax = options.scriptTokensMax;
  }

  /** The upstream told its commands: what scripts touch is read anew with them. */
  useCommands(table: CommandTable): void {
    this.#table = table;
    this.#bySha.clear();
    this.#byText.clear();
    this.#textsBytes = 0;
  }

  /** The script of an EVAL or SCRIPT LOAD; its SHA-1 is known from now on. */
  learn(text: string): KnownScript {
    const known = this.#byText.get(text);
    if (known !== undefined) {
      renew(this.#byText, text, known);
      renew(this.#bySha, known.sha, known);
      return known;
    }
    const script = this.#read(text);
    this.#remember(script);
    if (text.length <= this.#textMaxBytes) {
      this.#byText.set(text, script);
      this.#textsBytes += text.length;
      while (this.#textsBytes > this.#textsMaxBytes || this.#byText.size > this.#scriptsMax) {
        this.#textsBytes -= dropOldest(this.#byText)?.length ?? 0;
      }
    }
    return script;
  }

  /** As `intentOf` of recognise.ts: what a command means for a lock. */
  intentOf(args: Arguments): Intent | null {
    return intentOf(args, this);
  }

  /** A command that may carry a script's text goes by without being looked at as a lock's. */
  seen(args: Arguments): void {
    switch (wordAt(args, 0)) {
      case 'eval':
      case 'eval_ro':
        if (args.length >= 3) this.learn(textAt(args, 1));
        break;
      case 'script':
        if (args.length === 3 && wordAt(args, 1) === 'load') this.learn(textAt(args, 2));
        break;
    }
  }

  /** False for an EVAL or EVALSHA of a text that may loop for ever: it must not hold others up. */
  mayShare(args: Arguments): boolean {
    switch (wordAt(args, 0)) {
      case 'eval':
      case 'eval_ro':
        return !this.learn(textAt(args, 1)).mayLoopForever;
      case 'evalsha':
      case 'evalsha_ro':
        return this.bySha(wordAt(args, 1))?.mayLoopForever !== true;
      default:
        return true;
    }
  }

  /**
   * Redis answered a command about scripts: so it is known which it has. An EVALSHA must not be
   * answered here as long as Redis itself would say NOSCRIPT (invariant 2 of docs/protocol.md).
   * @param reply its bytes, of which only the beginning is looked at
   */
  answered(args: Arguments, reply: Buffer): void {
    const failed = reply[0] === MINUS;
    switch (wordAt(args, 0)) {
      case 'eval':
      case 'eval_ro':
        if (!failed) this.#nowLoaded(this.learn(textAt(args, 1)).sha);
        break;
      case 'evalsha':
      case 'evalsha_ro':
        if (!failed) this.#nowLoaded(wordAt(args, 1));
        else if (reply.toString('latin1', 0, 9) === '-NOSCRIPT')
          this.#loaded.delete(wordAt(args, 1));
        break;
      case 'script':
        if (failed) break;
        if (wordAt(args, 1) === 'load') this.#nowLoaded(this.learn(textAt(args, 2)).sha);
        if (wordAt(args, 1) === 'flush') this.#loaded.clear();
        break;
    }
  }

  /** Whether this Redis has answered the script since the last reconnect. @param sha lower case */
  isLoaded(sha: string): boolean {
    return this.#loaded.has(sha);
  }

  /** The upstream was lost: what comes back may have no scripts. */
  upstreamLost(): void {
    this.#loaded.clear();
  }

  /** @param sha in lower case */
  bySha(sha: string): KnownScript | null {
    const known = this.#bySha.get(sha);
    if (known !== undefined) {
      renew(this.#bySha, sha, known);
      return known;
    }
    if (!NAMED_KEYS_ONLY_SHAS.has(sha)) return null;
    const meaning = CATALOGUE.get(sha) ?? null;
    const script: KnownScript = {
      sha,
      meaning,
      forms: meaning === null ? null : scriptForms(sha, meaning),
      scope: 'keys',
      mayLoopForever: false,
    };
    this.#remember(script);
    return script;
  }

  scopeOfText(text: string): ScriptScope {
    return this.learn(text).scope;
  }

  /** A script never seen may do anything. */
  scopeOfSha(sha: string): ScriptScope {
    return this.bySha(sha)?.scope ?? 'every-database';
  }

  #nowLoaded(sha: string): void {
    if (this.#loaded.has(sha)) return;
    if (this.#loaded.size >= this.#scriptsMax) this.#loaded.clear();
    this.#loaded.add(sha);
  }

  #remember(script: KnownScript): void {
    renew(this.#bySha, script.sha, script);
    if (this.#bySha.size > this.#scriptsMax) dropOldest(this.#bySha);
  }

  #read(text: string): KnownScript {
    const sha = createHash('sha1').update(text, 'latin1').digest('hex');
    if (text.length > this.#textMaxBytes) {
      const nothing = { meaning: null, forms: null, scope: 'every-database' } as const;
      return { sha, ...nothing, mayLoopForever: true };
    }
    const listed = CATALOGUE.get(sha);
    const shape = listed === undefined ? scriptShape(text, this.#tokensMax) : null;
    const meaning = listed ?? (shape === null ? null : meaningOfShape(shape));
    const scope = NAMED_KEYS_ONLY_SHAS.has(sha) ? 'keys' : scriptScope(text, this.#table);
    const forms = meaning === null ? null : scriptForms(sha, meaning);
    return { sha, meaning, forms, scope, mayLoopForever: mayLoopForever(text) };
  }
}

/** Makes an entry the last to be forgotten. */
function renew<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
}

/** Forgets the entry unused for longest; returns its key. */
function dropOldest(map: Map<string, unknown>): string | undefined {
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
  return oldest;
}
