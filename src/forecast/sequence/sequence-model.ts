import type { ForecastKey } from '../forecast.js';
import { Expectations, type Expected } from './expectations.js';
import type { Follower, Followers } from './followers.js';
import { Foretold } from './foretold.js';
import { keyParts, piecesOf } from './key-parts.js';
import { AfterTwo, type By, CLIENT, type KeyRecord, Next, type Template } from './key-record.js';
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
  /** Keys that are waited for at a time; further ones are not. */
  readonly sequenceExpectedMax: number;
  /** What comes later after a request does not follow it. */
  readonly sequenceHorizonMs: number;
}

export const sequenceDefaults: SequenceOptions = {
  sequenceKeysMax: 10_000,
  sequenceTemplatesMax: 10_000,
  sequenceThreadsMax: 10_000,
  sequenceExpectedMax: 20_000,
  sequenceHorizonMs: 10_000,
};

/** Followers told apart, of a template and of a key. */
const TEMPLATE_FOLLOWERS = 8;
const KEY_FOLLOWERS = 6;
/** Keys before a key that are told apart. */
const KEYS_BEFORE = 6;
/** What is left of a count after one further opportunity: memories of about 200 and 20. */
const TEMPLATE_KEEP = 1 - 1 / 200;
const KEY_KEEP = 1 - 1 / 20;
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
  private readonly expectations: Expectations;
  private readonly foretold = new Foretold();

  constructor(private readonly options: SequenceOptions = sequenceDefaults) {
    this.keys = new Remembered(options.sequenceKeysMax, record => {
      record.next = null;
      record.afterTwo = null;
    });
    this.templates = new Remembered(options.sequenceTemplatesMax, template => {
      template.next = null;
    });
    this.expectations = new Expectations(options.sequenceExpectedMax);
    const over = ({ expected, by }: { readonly expected: Expected; readonly by: By }): void => {
      this.expectations.over(expected, by, null);
    };
    this.clients = new Threads<number>(options.sequenceThreadsMax, over);
    this.values = new Threads<string>(options.sequenceThreadsMax, over);
  }

  /** What is remembered, for the limits to be seen. */
  get sizes(): Readonly<Record<'keys' | 'templates' | 'clients' | 'values' | 'expected', number>> {
    return {
      keys: this.keys.size,
      templates: this.templates.size,
      clients: this.clients.size,
      values: this.values.size,
      expected: this.expectations.size,
    };
  }

  /** A client asks for a key; times must not run backwards. */
  requested(database: number, key: string, clientId: number, atMs: number): void {
    this.refresh(atMs);
    const record = this.recordOf(database, key);
    if (record === null) return;
    const { variables } = record;
    // What was expected is over in every thread before anything is expected anew.
    const client = this.clients.get(clientId);
    this.follow(client, record, atMs);
    for (let at = 0; at < variables.length; at++) {
      if (isFirst(variables, at)) this.follow(this.values.get(variables[at] ?? ''), record, atMs);
    }
    this.foretell(record, client?.record.key ?? '');
    const expected = this.expectations.expect(this.foretold, record, atMs);
    goOn(this.clients, clientId, record, CLIENT, atMs, expected);
    for (let at = 0; at < variables.length; at++) {
      if (isFirst(variables, at)) {
        goOn(this.values, variables[at] ?? '', record, at, atMs, expected);
      }
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
   * itself. No key comes twice. `keyBefore` is the key that the client asked for before. What is in the
   * list is used again by the next call.
   */
  successors(database: number, key: string, keyBefore = ''): readonly Successor[] {
    const record = this.keys.get(database, key);
    if (record === undefined) return [];
    this.foretell(record, keyBefore);
    return this.foretold.sorted();
  }

  /**
   * Probability that the key is asked for within the window from now, as a successor of what was asked
   * for before; 0 for one that nothing is a successor of.
   */
  score(database: number, key: string, windowMs: number, nowMs: number): number {
    return this.expectations.score(database, key, windowMs, nowMs);
  }

  /** Keys that may be asked for between these two moments. */
  due(fromMs: number, toMs: number): Generator<ForecastKey> {
    return this.expectations.due(fromMs, toMs);
  }

  private foretell(record: KeyRecord, keyBefore: string): void {
    this.foretold.clear();
    this.foretold.addThread(record, CLIENT, record.afterTwo?.known(keyBefore));
    for (let at = 0; at < record.variables.length; at++) {
      if (isFirst(record.variables, at)) this.foretold.addThread(record, at, undefined);
    }
  }

  /** The thread has a further request. */
  private follow<Id>(thread: Thread<Id> | undefined, record: KeyRecord, atMs: number): void {
    if (thread === undefined) return;
    this.expectations.over(thread.expected, thread.by, record.key);
    if (thread.record.database === record.database) followed(thread, record, atMs - thread.atMs);
    else ended(thread);
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
      known.afterTwo ??= new AfterTwo(KEYS_BEFORE, KEY_FOLLOWERS, KEY_KEEP);
      if (known.variables.length > 0) known.next ??= new Next(KEY_FOLLOWERS, KEY_KEEP);
      return known;
    }
    if (key.length > KEY_LENGTH_MAX) return null;
    const { template: text, variables } = keyParts(key);
    if (variables.length > VARIABLES_MAX) return null;
    const template = this.templateOf(database, text, key);
    const record: KeyRecord = {
      database,
      key,
      template,
      variables,
      next: null,
      afterTwo: null,
      marks: 0,
    };
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

/** A value that stands twice in a key is one thread, that of its first place. */
function isFirst(variables: readonly string[], at: number): boolean {
  return variables.indexOf(variables[at] ?? '') === at;
}

function goOn<Id>(
  threads: Threads<Id>,
  id: Id,
  record: KeyRecord,
  by: By,
  atMs: number,
  expected: Expected,
): void {
  const thread = threads.get(id);
  if (thread === undefined) threads.begin(id, record, by, atMs, expected);
  else threads.goOn(thread, record, by, atMs, expected);
}

function followed<Id>(thread: Thread<Id>, after: KeyRecord, delayMs: number): void {
  const { record: before, by } = thread;
  const rules = before.template.next?.of(by);
  if (rules !== undefined) {
    const rule = ruleFor(rules, before, after) ?? rules.admit(ruleBetween(before, after));
    rules.followed(rule, delayMs);
  }
  keyFollowed(before.next?.of(by), after.key, delayMs);
  if (by === CLIENT) keyFollowed(before.afterTwo?.of(thread.keyBefore), after.key, delayMs);
}

function keyFollowed(followers: Followers<string> | undefined, key: string, delayMs: number): void {
  followers?.followed(followers.find(key) ?? followers.admit(key), delayMs);
}

function ended<Id>({ record, by, keyBefore }: Thread<Id>): void {
  record.template.next?.of(by).ended();
  record.next?.of(by).ended();
  if (by === CLIENT) record.afterTwo?.of(keyBefore).ended();
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
