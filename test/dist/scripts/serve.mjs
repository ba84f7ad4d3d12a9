// Starts the command `promenade serve` with TLS and a user, asks it over HTTP/1.1 and HTTP/2, tells
// it to end, and prints what came of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';

const [directory, webConfig] = process.argv.slice(2);
const command = ['node_modules/.bin/promenade', 'serve', '--port=0', `--web.config.file=${webConfig}`, directory];
const server = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
const exited = once(server, 'exit');
const [line] = await once(server.stdout, 'data');
const url = new URL(/https:\S+metrics/.exec(line)[0]);
const tls = { rejectUnauthorized: false };
const authorization = `Basic ${btoa('prom:secret')}`;

function ask(headers) {
  return new Promise((resolve, reject) => {
    const request = https.get(url, { ...tls, agent: false, headers }, async (response) => {
      let page = '';
      for await (const text of response.setEncoding('utf8')) page += text;
      resolve({ status: response.statusCode, page });
    });
    request.on('error', reject);
  });
}

const refused = await ask({});
const { status, page } = await ask({ authorization });

const session = http2.connect(url.origin, tls);
const stream = session.request({ ':path': url.pathname, authorization });
let other = '';
stream.setEncoding('utf8').on('data', (text) => (other += text));
await once(stream, 'end');
// The session stays open: the server has to see to it that it ends.
server.kill('SIGTERM');
const [code] = await exited;
console.log(JSON.stringify({ refused: refused.status, status, page, same: other === page, code }));
process.exit(0);
