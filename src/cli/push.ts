import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exposition } from '../exposition/exposition.ts';
import { negotiate } from '../exposition/negotiate.ts';
import { environmentSettings } from '../settings/settings.ts';
import { type Arguments, CommandError, type Run, type Surroundings, UsageError } from './command.ts';
import { openDirectoryPage } from './directory-page.ts';
import { groupUrl } from './group-url.ts';
import { metricsDirectory } from './metrics-directory.ts';
import { nameValues } from './name-values.ts';

const PROTOBUF = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
const FIRST_PAUSE_MS = 500;
/** Settings that decide the content of a page. */
const PAGE_SETTINGS = ['namespace', 'compat', 'disabledApps'] as const;

/** `promenade push`: sends a directory's page to a Pushgateway. */
export const push: Run = async (given, surroundings) => {
  const { values } = given;
  const method = oneOf(values['method'] ?? 'put', ['put', 'post', 'delete'], '--method');
  const format = oneOf(values['format'] ?? 'text', ['text', 'protobuf'], '--format');
  const gateway = gatewayOf(given, surroundings);
  if (values['job'] === undefined) throw new UsageError('Name the job: --job=JOB.');
  const grouping = nameValues(given.lists['grouping'], '--grouping');
  if (Object.hasOwn(grouping, 'job')) throw new UsageError('--grouping names the job, which --job does.');
  const url = groupUrl(gateway, values['job'], grouping);
  const retries = numberOf(values['retries'] ?? '3', 0, 10, '--retries');
  const timeoutMs = numberOf(values['timeout'] ?? '10', 0.1, 300, '--timeout') * 1000;
  const authorization = authorizationOf(given, gateway, surroundings);

  const exposition = negotiate(format === 'protobuf' ? PROTOBUF : undefined);
  const body =
    method === 'delete' ? undefined : await page(metricsDirectory(given, surroundings), exposition, surroundings);
  const headers = {
    ...(body && { 'Content-Type': exposition.contentType }),
    ...(authorization !== undefined && { Authorization: authorization }),
  };
  await send(
    url,
    { method: method.toUpperCase(), headers, ...(body && { body }) },
    { retries, timeoutMs },
    surroundings,
  );
  surroundings.print(body ? `Pushed ${body.length} bytes to ${shown(url)}.\n` : `Deleted ${shown(url)}.\n`);
  return 0;
};

async function page(directory: string, exposition: Exposition, { env }: Surroundings): Promise<Uint8Array> {
  const used = environmentSettings(PAGE_SETTINGS, { ...env, PROMENADE_ENABLED: 'true' });
  // The page is not served here, so it needs no authentication.
  const endpoint = openDirectoryPage(directory, { ...used, authentication: false, tokens: [], tokensFile: undefined });
  const snapshot = await endpoint.registry.snapshot();
  await endpoint.close();
  if (endpoint.registry.status().slots.length === 0) {
    throw new CommandError(`nothing has been counted in ${directory}: nothing was pushed.`);
  }
  return Buffer.concat(Array.from(exposition.render(snapshot), (chunk) => Buffer.from(chunk)));
}

/**
 * Sends the page, and retries temporary failures.
 *
 * @throws CommandError where the gateway does not have it in the end.
 */
async function send(
  url: URL,
  request: RequestInit,
  { retries, timeoutMs }: { readonly retries: number; readonly timeoutMs: number },
  { complain }: Surroundings,
): Promise<void> {
  for (let tries = 0; ; tries++) {
    const failure = await attempt(url, request, timeoutMs);
    if (failure === undefined) return;
    if (!failure.passing || tries >= retries) throw new CommandError(`${shown(url)}: ${failure.text}`);
    const pauseMs = FIRST_PAUSE_MS * 2 ** tries;
    complain(`promenade push: ${shown(url)}: ${failure.text} Trying again in ${pauseMs / 1000} s.\n`);
    await delay(pauseMs);
  }
}

/** Returns `undefined` on success, else the reason and whether it is temporary. */
async function attempt(
  url: URL,
  request: RequestInit,
  timeoutMs: number,
): Promise<{ text: string; passing: boolean } | undefined> {
  try {
    const response = await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    const text = (await response.text()).trim().slice(0, 500);
    if (response.ok) return undefined;
    return {
      text: `it answers ${response.status} ${text}.`,
      passing: response.status === 429 || response.status >= 500,
    };
  } catch (error) {
    const { cause, message, name } = error as Error;
    if (name === 'TimeoutError') return { text: `no answer within ${timeoutMs / 1000} s.`, passing: true };
    // An AggregateError, one error for each address of a name, has no message of its own.
    const why =
      (cause as NodeJS.ErrnoException | undefined)?.message ||
      (cause as NodeJS.ErrnoException | undefined)?.code ||
      message;
    return { text: `${why}.`, passing: true };
  }
}

function gatewayOf({ values }: Arguments, { env }: Surroundings): URL {
  const given = values['gateway'] ?? env['PUSHGATEWAY_URL']?.trim();
  if (!given) throw new UsageError('Name the gateway: --gateway=URL, or PUSHGATEWAY_URL.');
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new UsageError('--gateway takes a URL, such as http://gateway:9091.');
}

/** Returns the Authorization header, if credentials are given. */
function authorizationOf({ values }: Arguments, gateway: URL, { env }: Surroundings): string | undefined {
  const token = secretIn(values['token-file']) ?? env['PUSHGATEWAY_TOKEN']?.trim();
  const user = values['username'] ?? (decodeURIComponent(gateway.username) || env['PUSHGATEWAY_USERNAME']?.trim());
  if (token && user) throw new UsageError('A token and a user are both given: give one.');
  if (token) return `Bearer ${token}`;
  if (!user) return undefined;
  const password =
    secretIn(values['password-file']) ?? (decodeURIComponent(gateway.password) || env['PUSHGATEWAY_PASSWORD'] || '');
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function secretIn(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readFileSync(file, 'utf8').replace(/\r?\n$/, '');
}

function oneOf<Word extends string>(given: string, words: readonly Word[], option: string): Word {
  const word = words.find((one) => one === given.toLowerCase());
  if (word === undefined)
    throw new UsageError(`${option} is one of ${words.join(', ')}, not ${JSON.stringify(given)}.`);
  return word;
}

function numberOf(given: string, least: number, most: number, option: string): number {
  const number = /^\d+(\.\d+)?$/.test(given) ? Number(given) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${option} takes a number from ${least} to ${most}, not ${JSON.stringify(given)}.`);
}

/** Returns a URL without its user and password, for messages. */
function shown(url: URL): string {
  return url.origin + url.pathname;
}
