/** `host:port`, where Forelock itself listens. Port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The Redis behind Forelock. */
export type UpstreamAddress = TcpUpstream | UnixUpstream;

export interface TcpUpstream {
  readonly kind: 'tcp';
  readonly host: string;
  readonly port: number;
  /** Who Forelock is on its own connections; null: not authenticated. Clients bring their own. */
  readonly credentials: UpstreamCredentials | null;
}

export interface UnixUpstream {
  readonly kind: 'unix';
  readonly path: string;
}

export interface UpstreamCredentials {
  readonly user: string;
  readonly password: string;
}

const REDIS_PORT = 6379;
const PORT_MAX = 65_535;

const LISTEN = /^(\[[0-9a-f:.]+(?:%[\w.-]+)?\]|[^\s:[\]/@]+):(\d{1,5})$/i;
const REDIS_URL =
  /^redis:\/\/(?:(.*)@)?(\[[0-9a-f:.]+(?:%[\w.-]+)?\]|[^\s:[\]/@?#]+)(?::(\d{1,5}))?(?:\/0?)?$/i;
const UNIX_URL = /^unix:(?:\/\/)?(\/[^\0]+)$/i;

export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, host, digits] = LISTEN.exec(text) ?? [];
  if (host === undefined || digits === undefined || Number(digits) > PORT_MAX) return undefined;
  return { host: withoutBrackets(host), port: Number(digits) };
}

export function parseUpstream(text: string): UpstreamAddress | undefined {
  const path = UNIX_URL.exec(text)?.[1];
  if (path !== undefined) return { kind: 'unix', path };
  const [url, login, host, digits] = REDIS_URL.exec(text) ?? [];
  if (url === undefined || host === undefined) return undefined;
  const port = digits === undefined ? REDIS_PORT : Number(digits);
  if (port === 0 || port > PORT_MAX) return undefined;
  const credentials = login === undefined ? null : parseLogin(login);
  if (credentials === undefined) return undefined;
  return {
    kind: 'tcp',
    host: withoutBrackets(host),
    port,
    credentials,
  };
}

/** `user:password`, `:password` (the default user), or nothing at all; undefined: not a login. */
function parseLogin(login: string): UpstreamCredentials | null | undefined {
  if (login === '' || login === ':') return null;
  const colon = login.indexOf(':');
  if (colon === -1) return undefined;
  try {
    return {
      user: decodeURIComponent(login.slice(0, colon)) || 'default',
      password: decodeURIComponent(login.slice(colon + 1)),
    };
  } catch {
    // A '%' that begins no escape: the password would reach Redis other than it was meant.
    return undefined;
  }
}

/** As it is written: `127.0.0.1:7379`, `[::1]:7379`. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The upstream for logs and status: without its login. */
export function formatUpstream(upstream: UpstreamAddress): string {
  if (upstream.kind === 'unix') return `unix:${upstream.path}`;
  return `redis://${formatAddress(upstream.host, upstream.port)}`;
}

/**
 * A value that is *not* a URL, made fit to be printed. Nothing is known of its form, so all that
 * may be a password goes: what stands before the last '@', a port that is no number, a query.
 */
export function withoutSecrets(text: string): string {
  const at = text.lastIndexOf('@');
  const scheme = /^[a-z][a-z0-9+.-]*:(?:\/\/)?/i.exec(text)?.[0] ?? '';
  if (at >= 0) return `${at >= scheme.length ? scheme : ''}***@${hideQuery(text.slice(at + 1))}`;
  const rest = text.slice(scheme.length).replace(/:(?!\d{1,5}(?:\/|$)).*$/, ':***');
  return scheme + (scheme.toLowerCase().startsWith('unix:') ? rest : hideQuery(rest));
}

function hideQuery(text: string): string {
  return text.replace(/[?#].*$/, '?***');
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
