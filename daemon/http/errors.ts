const CHANGE = 'http.port in config/nightwarden.yaml or NIGHTWARDEN_HTTP__PORT';

/** The port is in use: by another daemon of another home, or by another program. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';

  constructor(
    readonly host: string,
    readonly port: number,
  ) {
    super(
      `port ${port} on ${host} is taken by another program. Stop that program ` +
        `(ss -ltnp 'sport = :${port}' names it), or set ${CHANGE} to another port; 0 takes any free one.`,
    );
  }
}

/** The address cannot be listened on for another reason: not of this machine, or not allowed. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';

  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    super(
      `cannot listen on ${host}, port ${port} (${cause.code ?? cause.message}). Set http.host ` +
        `(NIGHTWARDEN_HTTP__HOST) to an address of this machine, 127.0.0.1 or 0.0.0.0, ` +
        `and ${CHANGE} to a port above 1023; 0 takes any free one.`,
      { cause },
    );
  }
}

/** The API token cannot be read or made, and without one nobody could use what listens beyond
 * loopback. */
export class TokenUnusable extends Error {
  override readonly name = 'TokenUnusable';

  constructor(file: string, why: string, cause?: unknown) {
    super(
      `the API token in ${file} cannot be used: ${why}. Delete the file, and a new token is made; ` +
        'its folder must be writable.',
      { cause },
    );
  }
}

export function listenError(host: string, port: number, error: NodeJS.ErrnoException): Error {
  return error.code === 'EADDRINUSE'
    ? new PortTaken(host, port)
    : new CannotListen(host, port, error);
}
