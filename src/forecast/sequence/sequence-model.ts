import type { DelayLaw } from './delay.js';
import { type Follower, Followers } from './followers.js';
import { keyParts, piecesOf } from './key-parts.js';
import type { KeyRecord, Template } from './key-record.js';
import { Remembered } from './remembered.js';
import { boundKey, leadsTo, type Rule, ruleBetween } from './rule.js';
import { Successor } from './successor.js';
import { Threads } from './threads.js';

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
/** Delays of a template that one of its keys starts from. */
const TEMPLATE_DELAY_WEIGHT = 2;
/** Less likely successors are none. */
const PROBABILITY_MIN = 0.01;
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
  private readonly found: Successor[] = [];
  private readonly spare: Successor[] = [];

  constructor(private readonly options: SequenceOptions = sequenceDefaults) {
    this.keys = new Remembered(options.sequenceKeysMax, record => {
      record.followers = null;
    });
    this.templates = new Remembered(options.sequenceTemplatesMax, template => {
      template.byClient = null;
      template.byVariable = [];
      template.forgotten = true;
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
    const thread = this.clients.get(clientId);
    if (thread === undefined) {
      this.clients.begin(clientId, record, 0, atMs);
    } else {
      followedByClient(thread.record, record, atMs - thread.atMs);
      this.clients.goOn(thread, record, 0, atMs);
    }
    for (let at = 0; at < record.variables.length; at++) this.goOnByVariable(record, at, atMs);
  }

  /** Counts what nothing followed up to that time. */
  refresh(nowMs: number): void {
    const horizon = nowMs - this.options.sequenceHorizonMs;
    this.clients.endBefore(horizon, endedByClient);
    this.values.endBefore(horizon, endedByVariable);
  }

  /**
   * What is likely asked for after a request for this key; the likeliest first. No key comes twice. The
   * list and what is in it are used again by the next call.
   */
  successors(database: number, key: string): readonly Successor[] {
    this.found.length = 0;
    const record = this.keys.get(database, key);
    if (record === undefined) return this.found;
    this.foretellByClient(record);
    for (let at = 0; at < record.variables.length; at++) {
      const followers = record.template.byVariable[at];
      if (followers !== undefined) this.foretellByRules(record, followers, 1);
    }
    return this.found.sort((one, other) => other.probability - one.probability);
  }

  /** Null for a key that no rule is made of. */
  private recordOf(database: number, key: string): KeyRecord | null {
    const known = this.keys.get(database, key);
    if (known !== undefined) {
      if (known.template.forgotten)
        known.template = this.templateOf(database, keyParts(key).template, key);
      else this.templates.used(known.template);
      this.keys.used(known);
      known.returned = true;
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
      returned: false,
      followers: null,
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
    const template: Template = {
      database,
      key: text,
      pieces: piecesOf(key),
      byClient: null,
      byVariable: [],
      marks: 0,
      forgotten: false,
    };
    this.templates.add(template);
    return template;
  }

  private goOnByVariable(record: KeyRecord, at: number, atMs: number): void {
    const value = record.variables[at];
    // A value that stands twice in a key is one thread.
    if (value === undefined || record.variables.indexOf(value) < at) return;
    const thread = this.values.get(value);
    if (thread === undefined) {
      this.values.begin(value, record, at, atMs);
      return;
    }
    const { record: before, variable } = thread;
    if (before.database === record.database) {
      follow(byVariable(before.template, variable), before, record, atMs - thread.atMs);
    } else {
      endedByVariable(thread);
    }
    this.values.goOn(thread, record, at, atMs);
  }

  private foretellByClient(record: KeyRecord): void {
    const { followers, template } = record;
    if (template.byClient !== null) {
      this.foretellByRules(record, template.byClient, followers?.left ?? 1);
    }
    if (followers === null) return;
    for (const follower of followers.list) {
      const probability = followers.probability(follower);
      const successor = this.foretold(follower.target);
      if (successor === undefined) {
        this.foretell(record.database, follower.target, probability, follower.delays);
      } else {
        successor.probability += probability;
        const { count } = follower.delays;
        successor.drawTo(follower.delays, count / (count + TEMPLATE_DELAY_WEIGHT));
      }
    }
  }

  /** Each rule's probability counts for `share` of it. */
  private foretellByRules(before: KeyRecord, followers: Followers<Rule>, share: number): void {
    for (const follower of followers.list) {
      const probability = share * followers.probability(follower);
      if (probability < PROBABILITY_MIN) continue;
      const key = boundKey(follower.target, before);
      if (key === null) continue;
      const successor = this.foretold(key);
      if (successor === undefined) {
        this.foretell(before.database, key, probability, follower.delays);
      } else if (successor.probability < probability) {
        successor.probability = probability;
        successor.drawTo(follower.delays, 1);
      }
    }
  }

  private foretold(key: string): Successor | undefined {
    for (const successor of this.found) if (successor.key === key) return successor;
    return undefined;
  }

  private foretell(database: number, key: string, probability: number, law: DelayLaw): void {
    if (probability < PROBABILITY_MIN) return;
    let successor = this.spare[this.found.length];
    if (successor === undefined) {
      successor = new Successor();
      this.spare.push(successor);
    }
    successor.database = database;
    successor.key = key;
    successor.probability = probability;
    successor.drawTo(law, 1);
    this.found.push(successor);
  }
}

function followedByClient(before: KeyRecord, after: KeyRecord, delayMs: number): void {
  if (before.database !== after.database) {
    endedByClient({ record: before });
    return;
  }
  follow(byClient(before.template), before, after, delayMs);
  const followers = ownFollowers(before);
  if (followers === null) return;
  const known = followers.list.find(({ target }) => target === after.key);
  followers.followed(known ?? followers.admit(after.key), delayMs);
}

function endedByClient({ record }: { readonly record: KeyRecord }): void {
  byClient(record.template)?.ended();
  ownFollowers(record)?.ended();
}

function endedByVariable(thread: { readonly record: KeyRecord; readonly variable: number }): void {
  byVariable(thread.record.template, thread.variable)?.ended();
}

/** Of the rules that lead there, the most frequent counts: so no request counts twice. */
function follow(
  rules: Followers<Rule> | null,
  before: KeyRecord,
  after: KeyRecord,
  delayMs: number,
): void {
  if (rules === null) return;
  let best: Follower<Rule> | null = null;
  for (const follower of rules.list) {
    if (best !== null && best.count >= follower.count) continue;
    if (leadsTo(follower.target, before, after)) best = follower;
  }
  rules.followed(best ?? rules.admit(ruleBetween(before, after)), delayMs);
}

/** Null for a template forgotten meanwhile: it must not hold on to others that are. */
function byClient(template: Template): Followers<Rule> | null {
  if (template.forgotten) return null;
  template.byClient ??= new Followers(TEMPLATE_FOLLOWERS, TEMPLATE_KEEP);
  return template.byClient;
}

function byVariable(template: Template, variable: number): Followers<Rule> | null {
  if (template.forgotten) return null;
  const known = template.byVariable[variable];
  if (known !== undefined) return known;
  const followers = new Followers<Rule>(TEMPLATE_FOLLOWERS, TEMPLATE_KEEP);
  template.byVariable[variable] = followers;
  return followers;
}

/** Null for a key without variables, since its template says it all, and for one that came once. */
function ownFollowers(record: KeyRecord): Followers<string> | null {
  if (record.variables.length === 0 || !record.returned) return null;
  record.followers ??= new Followers(KEY_FOLLOWERS, KEY_KEEP);
  return record.followers;
}
