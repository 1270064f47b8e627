import { pino } from 'pino';

export type Log = pino.Logger;

export interface LogOutput {
  readonly log: Log;
  /** Lines that nobody took off our hands in time. */
  droppedLines(): number;
}

/**
 * JSON lines on stdout; on a terminal, lines for people. Whoever collects our log may stand still;
 * then lines beyond `backlogBytes` are dropped and counted: a proxy that waits for its log would stop
 * every client with it.
 */
export async function createLog(
  level: string,
  backlogBytes: number,
  isTerminal: boolean,
): Promise<LogOutput> {
  const settings = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (isTerminal) {
    const { default: pretty } = await import('pino-pretty');
    const lines = pretty({ singleLine: true, translateTime: 'SYS:HH:MM:ss.l', sync: true });
    return { log: pino(settings, lines), droppedLines: () => 0 };
  }
  let dropped = 0;
  const output = pino.destination({ dest: 1, sync: false, maxLength: backlogBytes });
  output.on('drop', () => dropped++);
  return { log: pino(settings, output), droppedLines: () => dropped };
}
