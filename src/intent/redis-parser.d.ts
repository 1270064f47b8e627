declare module 'redis-parser' {
  /** The part of redis-parser 3 that is used here. */
  export default class RedisParser {
    constructor(options: {
      /** A complete reply, or a request: to the parser a request is an array of strings. */
      returnReply(reply: unknown): void;
      returnError(error: Error): void;
      returnFatalError?(error: Error): void;
      returnBuffers?: boolean;
      stringNumbers?: boolean;
    });
    /** What was given to `execute` and is not read to its end; null where nothing is left. */
    readonly buffer: Buffer | null;
    execute(bytes: Buffer): void;
    reset(): void;
  }
}
