import { execFile, execFileSync, spawn } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Recorder, temporaryDirectory } from '../multiprocess/children.ts';
import { noForeignParsers } from '../support/foreign-parsers.ts';
import { freePort, promenade, startServe } from './promenade.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'promenade-tls-'));
const at = (name: string): string => join(folder, name);

/**
 * A certificate for 127.0.0.1, or a client, that the authority `ca` has signed; or the authority
 * itself.
 */
function certificate(name: string, ca?: string, san = 'IP:127.0.0.1'): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(`${name}.key`)];
  const signed =
    ca === undefined ? [] : ['-CA', at(`${ca}.crt`), '-CAkey', at(`${ca}.key`), '-addext', `subjectAltName=${san}`];
  const subject = ['-subj', `/CN=${name}`, '-days', '2', '-out', at(`${name}.crt`)];
  execFileSync('openssl', ['req', '-x509', ...key, ...signed, ...subject], { stdio: 'ignore' });
}

beforeAll(() => {
  certificate('ca');
  certificate('other-ca');
  certificate('server', 'ca');
  certificate('server2', 'ca');
  certificate('client', 'ca', 'DNS:prometheus.example.org');
  certificate('nosan', 'ca', 'DNS:somebody.example.org');
  certificate('stranger', 'other-ca', 'DNS:prometheus.example.org');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a web configuration; returns the option that names it. */
function webConfig(text: string): string {
  writeFileSync(at('web.yml'), text);
  return `--web.config.file=${at('web.yml')}`;
}

const TLS = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n';
const users = (password: string): string => `basic_auth_users:\n  prom: ${hashSync(password, 4)}\n`;

/** What curl says of an answer: its status (000 for none) and the version of HTTP. */
async function curl(url: string, ...options: string[]): Promise<string> {
  const format = [
    '--silent',
    '--output',
    '/dev/null',
    '--write-out',
    '%{http_code} %{http_version}',
    '--max-time',
    '10',
  ];
  const answer = run('curl', [...format, '--cacert', at('ca.crt'), ...options, url]);
  return (await answer.catch((error: { stdout: string }) => error)).stdout.trim();
}

/** A directory in which a process that lives has counted. */
async function countedDirectory(): Promise<string> {
  const directory = temporaryDirectory();
  const recorder = await Recorder.start(directory);
  await recorder.define('Counter', { name: 'orders_total', labelNames: ['k'] });
  for (let i = 0; i < 50; i++) await recorder.record('orders_total', { k: `${i}` }, 'inc', [2]);
  return directory;
}

test('TLS with HTTP/2, basic authentication and headers, as the file says', async () => {
  const headers = 'http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=60\n';
  const serving = await startServe([webConfig(TLS + users('secret') + headers), await countedDirectory()]);
  expect(serving.url).toMatch(/^https:/);

  expect(await curl(serving.url)).toBe('401 2');
  expect(await curl(serving.url, '--user', 'prom:wrong')).toBe('401 2');
  expect(await curl(serving.url, '--user', 'nobody:secret')).toBe('401 2');
  expect(await curl(`${serving.origin}/-/healthy`)).toBe('401 2');
  expect(await curl(serving.url, '--user', 'prom:secret')).toBe('200 2');
  expect(await curl(serving.url, '--user', 'prom:secret', '--http1.1')).toBe('200 1.1');
  expect(await curl(serving.url, '--user', 'prom:secret', '--head')).toBe('200 2');
  expect(await curl(serving.url, '--user', 'prom:secret', '--request', 'POST')).toBe('405 2');
  expect(await curl(`${serving.origin}/`, '--user', 'prom:secret')).toBe('200 2');
  expect(await curl(`${serving.origin}/no`, '--user', 'prom:secret')).toBe('404 2');
  expect(await curl(serving.url.replace('https', 'http'))).toMatch(/^(000|400)/);

  for (const version of ['--http1.1', '--http2']) {
    const options = [
      '--silent',
      '--include',
      '--compressed',
      version,
      '--cacert',
      at('ca.crt'),
      '--user',
      'prom:secret',
    ];
    const { stdout } = await run('curl', [...options, `${serving.url}?name[]=orders_total`, '--globoff']);
    expect(stdout).toMatch(/^strict-transport-security: max-age=60/im);
    expect(stdout).toMatch(/^content-encoding: gzip/im);
    expect(stdout.match(/^orders_total\{k="\d+"\} 2$/gm)).toHaveLength(50);
    expect(stdout).not.toContain('metrics_processes');
  }
  expect(await serving.stop()).toBe(0);
});

test('the file and its certificates are read again when they change; what is wrong then is said, and changes nothing', async () => {
  const option = webConfig(TLS + users('old'));
  const serving = await startServe([option, temporaryDirectory()]);
  const { host } = new URL(serving.url);
  const subject = async (): Promise<string> => {
    const { stdout } = await run('sh', [
      '-c',
      `echo | openssl s_client -connect ${host} 2>/dev/null | openssl x509 -noout -subject`,
    ]);
    return stdout.trim();
  };
  expect(await subject()).toContain('server');
  expect(await curl(serving.url, '--user', 'prom:old')).toBe('200 2');

  webConfig(TLS.replaceAll('server.', 'server2.') + users('new'));
  expect(await subject()).toContain('server2');
  expect(await curl(serving.url, '--user', 'prom:old')).toBe('401 2');
  expect(await curl(serving.url, '--user', 'prom:new')).toBe('200 2');

  webConfig(`${TLS + users('newest')}rate_limt: {}\n`);
  expect(await curl(serving.url, '--user', 'prom:new')).toBe('200 2');
  webConfig(users('newest'));
  expect(await curl(serving.url, '--user', 'prom:new')).toBe('200 2');
  webConfig(TLS.replaceAll('server.', 'missing.'));
  expect(await curl(serving.url, '--user', 'prom:new')).toBe('200 2');
  const complaints = serving.complaints().trim().split('\n');
  expect(complaints.map((line) => /rate_limt|restart|missing\.crt/.exec(line)?.[0])).toEqual([
    'rate_limt',
    'restart',
    'missing.crt',
  ]);

  webConfig(TLS + users('newest'));
  expect(await curl(serving.url, '--user', 'prom:newest')).toBe('200 2');
  execFileSync('cp', [at('server2.crt'), at('server.crt')]);
  execFileSync('cp', [at('server2.key'), at('server.key')]);
  expect(await subject()).toContain('server2');
});

const by = (name: string): string[] => ['--cert', at(`${name}.crt`), '--key', at(`${name}.key`)];
const CLIENT_CA = '  client_ca_file: ca.crt\n';

test.each<[type: string, nobody: boolean, stranger: boolean]>([
  ['RequireAnyClientCert', false, true],
  ['VerifyClientCertIfGiven', true, false],
  ['RequireAndVerifyClientCert', false, false],
])('client_auth_type %s', async (type, nobody, stranger) => {
  const serving = await startServe([
    webConfig(`${TLS}  client_auth_type: ${type}\n${CLIENT_CA}`),
    temporaryDirectory(),
  ]);
  const came = (answer: string): boolean => answer.startsWith('200');
  expect({
    nobody: came(await curl(serving.url)),
    stranger: came(await curl(serving.url, ...by('stranger'))),
    ours: came(await curl(serving.url, ...by('client'))),
  }).toEqual({ nobody, stranger, ours: true });
});

test('client_allowed_sans, versions, ciphers and HTTP/1.1 alone', async () => {
  const tls = `${TLS}  client_auth_type: RequireAndVerifyClientCert\n${CLIENT_CA}  client_allowed_sans: [prometheus.example.org]
  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\nhttp_server_config: { http2: false }\n`;
  const serving = await startServe([webConfig(tls), temporaryDirectory()]);
  expect(await curl(serving.url, ...by('client'))).toBe('200 1.1');
  expect(await curl(serving.url, ...by('nosan'))).toMatch(/^000/);
  expect(await curl(serving.url, ...by('client'), '--tlsv1.3')).toMatch(/^000/);
  expect(await curl(serving.url, ...by('client'), '--ciphers', 'ECDHE-ECDSA-AES128-GCM-SHA256')).toMatch(/^000/);
});

test('a token opens the page beside the users, and a limit of requests holds', async () => {
  const env = { METRICS_AUTHENTICATION: 'true', METRICS_TOKENS: 'open-sesame' };
  const limit = 'rate_limit: { interval: 1h, burst: 6 }\n';
  const serving = await startServe([webConfig(users('secret') + limit), temporaryDirectory()], env);
  const status = async (path: string, authorization?: string): Promise<number> =>
    (await fetch(serving.origin + path, authorization === undefined ? {} : { headers: { authorization } })).status;
  const secret = `Basic ${btoa('prom:secret')}`;
  expect(await status('/metrics')).toBe(401);
  expect(await status('/metrics', 'Bearer open-sesame')).toBe(200);
  expect(await status('/metrics', secret)).toBe(200);
  expect(await status('/', 'Bearer open-sesame')).toBe(401);
  expect(await status('/', secret)).toBe(200);
  expect(await status('/metrics', `Basic ${btoa('prom:wrong')}`)).toBe(401);
  expect(await status('/metrics', secret)).toBe(429);
});

test.each(['HTTP', 'TLS'])('connections that are kept open are no reason to stay: %s', async (kind) => {
  const serving = await startServe([webConfig(kind === 'TLS' ? TLS : ''), temporaryDirectory()]);
  const { hostname: host, port } = new URL(serving.url);
  const request = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n';
  const open: EventEmitter[] = [];
  if (kind === 'TLS') {
    const asked = connectTls({ host, port: Number(port), ca: readFileSync(at('ca.crt')) });
    await answered(asked, request);
    open.push(asked);
    const session = connectHttp2(serving.origin, { ca: readFileSync(at('ca.crt')) });
    await once(session.request({ ':path': '/metrics' }).resume(), 'end');
    open.push(session);
  } else {
    const silent = connect(Number(port), host);
    const asked = connect(Number(port), host);
    open.push(silent, asked);
    await answered(asked, request);
  }
  const closed = open.map((one) => {
    one.on('error', () => {});
    return new Promise((resolve) => one.once('close', resolve));
  });
  expect(await serving.stop()).toBe(0);
  await Promise.all(closed);
  expect(open.length).toBeGreaterThanOrEqual(2);
});

/** Sends a request, and reads its answer to the last chunk. */
async function answered(socket: Socket, request: string): Promise<void> {
  socket.write(request);
  for (let answer = ''; !answer.endsWith('\r\n0\r\n\r\n') && !/Content-Length/i.test(answer);) {
    answer += String(((await once(socket, 'data')) as [Buffer])[0]);
  }
}

test('a file that is wrong at the start ends it with 1', async () => {
  const { code, stderr } = await promenade([
    'serve',
    '--port=0',
    webConfig(`${TLS}  cert: x\nrate_limt: {}\n`),
    temporaryDirectory(),
  ]);
  expect(code).toBe(1);
  expect(stderr).toContain(
    'web.yml: rate_limt: is unknown (did you mean rate_limit?); tls_server_config: cert and cert_file contradict',
  );
  const missing = await promenade(['serve', '--port=0', `--web.config.file=${at('none.yml')}`, temporaryDirectory()]);
  expect({ code: missing.code, says: missing.stderr.includes('none.yml') }).toEqual({ code: 1, says: true });
  const wrongKey = await promenade([
    'serve',
    '--port=0',
    webConfig(TLS.replace('server.key', 'client.key')),
    temporaryDirectory(),
  ]);
  expect(wrongKey.code).toBe(1);
});

test.skipIf(noForeignParsers)('a Prometheus server scrapes it, with the same settings as any exporter', async () => {
  certificate('server', 'ca');
  const serving = await startServe([webConfig(TLS + users('secret')), await countedDirectory()]);
  const port = await freePort();
  const config = `
global: { scrape_interval: 1s }
scrape_configs:
- job_name: directory
  scheme: https
  basic_auth: { username: prom, password: secret }
  tls_config: { ca_file: ${at('ca.crt')} }
  static_configs: [{ targets: ['${new URL(serving.url).host}'] }]
`;
  writeFileSync(at('prometheus.yml'), config);
  const listen = `--web.listen-address=127.0.0.1:${port}`;
  const parameters = [`--config.file=${at('prometheus.yml')}`, `--storage.tsdb.path=${at('data')}`, listen];
  const prometheus = spawn('prometheus', parameters, { stdio: 'ignore' });
  const exited = once(prometheus, 'exit');
  onTestFinished(async () => {
    prometheus.kill('SIGKILL');
    await exited;
  });
  const query = async (expression: string): Promise<string | undefined> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const response = await fetch(url).catch(() => undefined);
    if (!response?.ok) return undefined;
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result[0]?.value[1];
  };
  let sum: string | undefined;
  for (let i = 0; i < 100 && sum === undefined; i++) {
    await delay(100);
    sum = await query('sum(orders_total)');
  }
  expect(sum).toBe('100');
  expect(await query('up')).toBe('1');
});
