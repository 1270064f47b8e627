/**
 * Whole replies as values, for the cold paths that must look inside one. Strings are binary
 * (latin1) strings. Types that RESP2 lacks keep their type byte, so that `encodeReply` gives back
 * exactly the bytes that were read.
 */

export type ReplyNode =
  | { readonly type: '+' | '-' | ':' | ',' | '(' | '#' | '_'; readonly text: string }
  | { readonly type: '$' | '=' | '!'; readonly text: string | null }
  | { readonly type: '*' | '~' | '>' | '%' | '|'; readonly items: ReplyNode[] | null };

/** The reply that `bytes` holds whole; anything else is a programming error and throws. */
export function parseReply(bytes: Buffer): ReplyNode {
  return new ReplyReader(bytes).read();
}

class ReplyReader {
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  read(): ReplyNode {
    const lineEnd = this.bytes.indexOf('\r\n', this.#at);
    if (lineEnd < 0) throw new Error('a reply ended within a line');
    const type = String.fromCharCode(this.bytes[this.#at] as number);
    const line = this.bytes.toString('latin1', this.#at + 1, lineEnd);
    this.#at = lineEnd + 2;
    switch (type) {
      case '$':
      case '=':
      case '!':
        return { type, text: this.#string(Number(line)) };
      case '*':
      case '~':
      case '>':
        return { type, items: this.#items(Number(line)) };
      case '%':
      case '|':
        return { type, items: this.#items(Number(line) * 2) };
      case '+':
      case '-':
      case ':':
      case ',':
      case '(':
      case '#':
      case '_':
        return { type, text: line };
      default:
        throw new Error(`a reply of unknown type ${JSON.stringify(type)}`);
    }
  }

  #string(length: number): string | null {
    if (length < 0) return null;
    const text = this.bytes.toString('latin1', this.#at, this.#at + length);
    this.#at += length + 2;
    return text;
  }

  #items(count: number): ReplyNode[] | null {
    if (count < 0) return null;
    const items: ReplyNode[] = [];
    for (let seen = 0; seen < count; ) {
      const item = this.read();
      items.push(item);
      // An attribute goes before an element and is none itself.
      if (item.type !== '|') seen++;
    }
    return items;
  }
}

/** The bytes that `parseReply` would read as `node`. */
export function encodeReply(node: ReplyNode): Buffer {
  const parts: string[] = [];
  writeNode(node, parts);
  return Buffer.from(parts.join(''), 'latin1');
}

function writeNode(node: ReplyNode, parts: string[]): void {
  switch (node.type) {
    case '$':
    case '=':
    case '!':
      parts.push(
        node.text === null
          ? `${node.type}-1\r\n`
          : `${node.type}${node.text.length}\r\n${node.text}\r\n`,
      );
      return;
    case '*':
    case '~':
    case '>':
    case '%':
    case '|': {
      if (node.items === null) {
        parts.push(`${node.type}-1\r\n`);
        return;
      }
      const elements = node.items.filter(item => item.type !== '|').length;
      const pairs = node.type === '%' || node.type === '|';
      parts.push(`${node.type}${pairs ? elements / 2 : elements}\r\n`);
      for (const item of node.items) writeNode(item, parts);
      return;
    }
    default:
      parts.push(`${node.type}${node.text}\r\n`);
  }
}

/** The node as plain data: strings, numbers, null, arrays (maps flat); errors throw. */
export type ReplyValue = string | number | null | ReplyValue[];

export function replyValue(node: ReplyNode): ReplyValue {
  switch (node.type) {
    case ':':
    case ',':
      return Number(node.text);
    case '#':
      return node.text === 't' ? 1 : 0;
    case '_':
      return null;
    case '-':
    case '!':
      throw new Error(node.text ?? 'an error without text');
    case '$':
    case '=':
    case '+':
    case '(':
      return node.text;
    default:
      return node.items === null ? null : node.items.map(replyValue);
  }
}
