/** Exits with 0 if the Forelock of this container is alive. */
const [, host, port] = /^(.*):(\d+)$/.exec(process.env.FORELOCK_HTTP || '127.0.0.1:7380') ?? [];
// What listens on all addresses answers on loopback.
const own = host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host;
try {
  const { ok } = await fetch(`http://${own}:${port}/healthz`);
  process.exitCode = ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
