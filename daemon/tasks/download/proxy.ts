/**
 * The proxy that the environment names for an address; null for none. As curl and wget read it:
 * `https_proxy`, `http_proxy`, `all_proxy` (either case, the lower one first), and hosts in
 * `no_proxy` (with their subdomains, `*` for all, `:port` to mean one port).
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | null {
  const variable = (name: string): string => env[name] || env[name.toUpperCase()] || '';
  const excluded = variable('no_proxy').split(/[\s,]+/);
  if (excluded.some((entry) => entry !== '' && matches(entry, url))) return null;
  const proxy = variable(`${url.protocol.slice(0, -1)}_proxy`) || variable('all_proxy');
  if (proxy === '') return null;
  return new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
}

/** What a proxy's address says of who asks. */
export function authorizationOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pass = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pass).toString('base64')}` };
}

function matches(entry: string, url: URL): boolean {
  if (entry === '*') return true;
  const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
  const ownPort = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (port !== undefined && port !== ownPort) return false;
  const host = url.hostname.toLowerCase();
  const suffix = name.replace(/^\*?\./, '');
  return host === suffix || host.endsWith(`.${suffix}`);
}
