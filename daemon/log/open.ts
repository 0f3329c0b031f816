import { join } from 'node:path';
import winston from 'winston';
import { humanLine } from './human.js';
import { jsonLine } from './json-line.js';
import { RotatingFile } from './rotating-file.js';
import {
  type Fields,
  LEVELS,
  type Level,
  type Log,
  type LogOptions,
  type LogRecord,
} from './types.js';
import { writeToPeople } from './write-to-people.js';

const CLOSE_MS = 2000;

/** winston 3.19 declares this class as `transport` and exports it as `Transport`. */
const { Transport } = winston as unknown as {
  Transport: new (options: {
    log: (info: LogRecord, next: () => void) => void;
  }) => winston.transport;
};

/**
 * Opens the daemon's log: JSON lines in `<dir>/nightwarden.jsonl`, rotated by size, and in the
 * foreground lines for people. A disk that refuses is told once on the stream; the log goes on
 * trying, and says how many lines were lost meanwhile.
 */
export function openLog(options: LogOptions): Log {
  const stream = options.stream ?? process.stderr;
  const path = join(options.dir, 'nightwarden.jsonl');
  const colour = stream.isTTY === true && !process.env['NO_COLOR'];
  const file = new RotatingFile({
    path,
    maxBytes: options.maxBytes,
    files: options.files,
    retryMs: options.retryMs ?? 5000,
    onTrouble: (error) => say(record('warn', refused(path, error), '', {})),
    lostLine: (lines) =>
      jsonLine(
        record('warn', `${lines} log lines were lost: the disk refused them`, '', { lines }),
      ),
  });
  const logger = winston.createLogger({
    levels: LEVELS,
    level: options.level,
    format: asItIs(),
    transports: [toFile(file)],
  });
  if (options.foreground) {
    const format = winston.format.printf((info) => humanLine(info as unknown as LogRecord, colour));
    logger.add(new winston.transports.Stream({ stream, format, eol: '\n' }));
  }
  deafen(stream);
  deafen(logger);
  let closed = false;

  const say = (line: LogRecord): void => writeToPeople(stream, `${humanLine(line, colour)}\n`);
  const write = (level: Level, scope: string, message: string, fields: Fields = {}): void => {
    if (closed || LEVELS[level] > LEVELS[options.level]) return;
    logger.log(record(level, message, scope, fields));
  };
  const at = (scope: string): Log => ({
    error: (message, fields) => write('error', scope, message, fields),
    warn: (message, fields) => write('warn', scope, message, fields),
    info: (message, fields) => write('info', scope, message, fields),
    debug: (message, fields) => write('debug', scope, message, fields),
    child: (inner) => at(scope === '' ? inner : `${scope}.${inner}`),
    fatal(message, error) {
      const fields = { error: error instanceof Error ? error : String(error) };
      const line = record('fatal', message, scope, fields);
      file.append(jsonLine(line));
      file.flushSync();
      say(line);
    },
    async close() {
      if (closed) return;
      closed = true;
      await file.close(CLOSE_MS);
      logger.close();
    },
  });
  return at('');
}

const deafened = new WeakSet<object>();

/** A terminal that went away (EIO, EPIPE) would otherwise end the daemon by an error nobody hears,
 * at the very end too, so this stays. The file has every line, and there is nobody here to tell. */
function deafen(stream: NodeJS.EventEmitter): void {
  if (deafened.has(stream)) return;
  deafened.add(stream);
  stream.on('error', () => undefined);
}

/** winston hands each line on within the call that logs it, so the file's own queue is the only one
 * that a dying process has to write out. */
function toFile(file: RotatingFile): winston.transport {
  return new Transport({
    log(info, next) {
      file.append(jsonLine(info));
      next();
    },
  });
}

/** Instead of winston's default format, which would put every line into JSON a second time. */
const asItIs = winston.format((info) => info);

function record(
  level: LogRecord['level'],
  message: string,
  scope: string,
  fields: Fields,
): LogRecord {
  return { level, message, at: Date.now(), scope, fields };
}

function refused(path: string, error: NodeJS.ErrnoException): string {
  const why = error.code ?? error.message;
  return `cannot write the log file ${path} (${why}); going on without it and trying again`;
}
