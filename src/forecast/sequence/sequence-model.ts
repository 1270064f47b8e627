import type { Follower, Followers } from './followers.js';
import { Foretold } from './foretold.js';
import { keyParts, piecesOf } from './key-parts.js';
import { type By, CLIENT, type KeyRecord, Next, type Template } from './key-record.js';
import { Remembered } from './remembered.js';
import { leadsTo, type Rule, ruleBetween } from './rule.js';
import type { Successor } from './successor.js';
import { type Thread, Threads } from './threads.js';

export interface SequenceOptions {
  /** Keys whose followers are remembered; those used least and longest ago make room. */
  readonly sequenceKeysMax: number;
  /** The same of templates; a key without variables is its own template. */
  readonly sequenceTemplatesMax: number;
  /** Clients, and values of variables, whose last request is remembered. */
  readonly sequenceThreadsMax: number;
  /** What comes later after a request does not follow it. */
  readonly sequenceHorizonMs: number;
}

export const sequenceDefaults: SequenceOptions = {
  sequenceKeysMax: 10_000,
  sequenceTemplatesMax: 10_000,
  sequenceThreadsMax: 10_000,
  sequenceHorizonMs: 10_000,
};

/** Followers told apart, of a template and of a key. */
const TEMPLATE_FOLLOWERS = 8;
const KEY_FOLLOWERS = 6;
/** What is left of a count after one further opportunity: memories of about 200 and 50. */
const TEMPLATE_KEEP = 1 - 1 / 200;
const KEY_KEEP = 1 - 1 / 50;
/** Longer keys, and those of more variables, are no names that a rule would make. */
const KEY_LENGTH_MAX = 512;
const VARIABLES_MAX = 8;

/**
 * Which lock is asked for after which, and how long after: by the same client, and, since a workflow's
 * steps may come from any connection of a pool, by whoever asks for a key with the same variable. What
 * follows is remembered of keys, and of templates with the variables bound: `order:42:reserve` foretells
 * `order:42:pay` though neither was ever seen.
 */
export class SequenceModel {
  private readonly keys: Remembered<KeyRecord>;
  private readonly templates: Remembered<Template>;
  private readonly clients: Threads<number>;
  private readonly values: Threads<string>;
  private readonly foretold = new Foretold();

  constructor(private readonly options: SequenceOptions = sequenceDefaults) {
    this.keys = new Remembered(options.sequenceKeysMax, record => {
      record.next = null;
    });
    this.templates = new Remembered(options.sequenceTemplatesMax, template => {
      template.next = null;
    });
    this.clients = new Threads(options.sequenceThreadsMax);
    this.values = new Threads(options.sequenceThreadsMax);
  }

  /** What is remembered, for the limits to be seen. */
  get sizes(): { keys: number; templates: number; clients: number; values: number } {
    return {
      keys: this.keys.size,
      templates: this.templates.size,
      clients: this.clients.size,
      values: this.values.size,
    };
  }

  /** A client asks for a key; times must not run backwards. */
  requested(database: number, key: string, clientId: number, atMs: number): void {
    this.refresh(atMs);
    const record = this.recordOf(database, key);
    if (record === null) return;
    goOn(this.clients, clientId, record, CLIENT, atMs);
    const { variables } = record;
    for (let at = 0; at < variables.length; at++) {
      const value = variables[at];
      // A value that stands twice in a key is one thread.
      if (value === undefined || variables.indexOf(value) < at) continue;
      goOn(this.values, value, record, at, atMs);
    }
  }

  /** Counts what nothing followed up to that time. */
  refresh(nowMs: number): void {
    const horizon = nowMs - this.options.sequenceHorizonMs;
    this.clients.endBefore(horizon, ended);
    this.values.endBefore(horizon, ended);
  }

  /**
   * What is likely asked for after a request for this key, the likeliest first; it may be the key
   * itself. No key comes twice. The list and what is in it are used again by the next call.
   */
  successors(database: number, key: string): readonly Successor[] {
    this.foretold.clear();
    const record = this.keys.get(database, key);
    if (record !== undefined) {
      this.foretold.addThread(record, CLIENT);
      for (let at = 0; at < record.variables.length; at++) this.foretold.addThread(record, at);
    }
    return this.foretold.sorted();
  }

  /** Null for a key that no rule is made of. */
  private recordOf(database: number, key: string): KeyRecord | null {
    const known = this.keys.get(database, key);
    if (known !== undefined) {
      if (known.template.next === null) {
        known.template = this.templateOf(database, keyParts(key).template, key);
      } else {
        this.templates.used(known.template);
      }
      this.keys.used(known);
      if (known.variables.length > 0) known.next ??= new Next(KEY_FOLLOWERS, KEY_KEEP);
      return known;
    }
    if (key.length > KEY_LENGTH_MAX) return null;
    const { template: text, variables } = keyParts(key);
    if (variables.length > VARIABLES_MAX) return null;
    const template = this.templateOf(database, text, key);
    const record: KeyRecord = { database, key, template, variables, next: null, marks: 0 };
    this.keys.add(record);
    return record;
  }

  private templateOf(database: number, text: string, key: string): Template {
    const known = this.templates.get(database, text);
    if (known !== undefined) {
      this.templates.used(known);
      return known;
    }
    const next = new Next<Rule>(TEMPLATE_FOLLOWERS, TEMPLATE_KEEP);
    const template: Template = { database, key: text, pieces: piecesOf(key), next, marks: 0 };
    this.templates.add(template);
    return template;
  }
}

/** The thread has a further request: it followed the one before. */
function goOn<Id>(threads: Threads<Id>, id: Id, record: KeyRecord, by: By, atMs: number): void {
  const thread = threads.get(id);
  if (thread === undefined) {
    threads.begin(id, record, by, atMs);
    return;
  }
  if (thread.record.database === record.database) followed(thread, record, atMs - thread.atMs);
  else ended(thread);
  threads.goOn(thread, record, by, atMs);
}

function followed<Id>({ record: before, by }: Thread<Id>, after: KeyRecord, delayMs: number): void {
  const rules = before.template.next?.of(by);
  if (rules !== undefined) {
    const rule = ruleFor(rules, before, after) ?? rules.admit(ruleBetween(before, after));
    rules.followed(rule, delayMs);
  }
  const own = before.next?.of(by);
  if (own === undefined) return;
  const same = own.list.find(({ target }) => target === after.key);
  own.followed(same ?? own.admit(after.key), delayMs);
}

function ended<Id>({ record, by }: Thread<Id>): void {
  record.template.next?.of(by).ended();
  record.next?.of(by).ended();
}

/** Of the rules that lead there the most frequent: one alone, so that no request counts twice. */
function ruleFor(
  rules: Followers<Rule>,
  before: KeyRecord,
  after: KeyRecord,
): Follower<Rule> | null {
  let best: Follower<Rule> | null = null;
  for (const rule of rules.list) {
    if (best !== null && best.count >= rule.count) continue;
    if (leadsTo(rule.target, before, after)) best = rule;
  }
  return best;
}
