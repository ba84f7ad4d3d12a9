import type { Command, Option } from './command.ts';

const DIRECTORY: Option = {
  value: 'DIRECTORY',
  variable: 'PROMETHEUS_MULTIPROC_DIR',
  description: 'The metrics directory; it may stand behind the options, too.',
};

const serve: Command = {
  name: 'serve',
  summary: 'Show a directory on a port of its own.',
  positional: 'directory',
  description: [
    'Serves the page of a metrics directory from a process of its own, so that a scrape costs the application nothing. The page equals that of a process of the application: same formats, compression and name[]= filter.',
    'It owns no slot, writes nothing into the directory and need not be allowed to. It may start before the directory exists.',
    "METRICS_AUTHENTICATION with METRICS_TOKENS or METRICS_TOKENS_FILE asks for a token. METRICS_NAMESPACE must equal the application's.",
    'Ends on SIGTERM and SIGINT, after the scrapes under way.',
  ],
  options: {
    directory: DIRECTORY,
    host: {
      value: 'HOST',
      variable: 'METRICS_HOST',
      description: 'The address to listen on, 0.0.0.0 or :: for all. Else 127.0.0.1.',
    },
    port: {
      value: 'PORT',
      variable: 'METRICS_PORT',
      description: 'The port to listen on, 0 for any that is free. Else 9464.',
    },
    path: { value: 'PATH', variable: 'METRICS_PATH', description: 'Where the page is. Else /metrics.' },
    'web.config.file': {
      value: 'FILE',
      description:
        'TLS, basic authentication and headers, in the format of the Prometheus exporter toolkit; read again when it changes.',
    },
    label: {
      value: 'NAME=VALUE',
      multiple: true,
      description: 'A label for each series that does not have it; may be repeated.',
    },
  },
  examples: [
    ['/dev/shm/app-metrics', 'Shows the directory on http://127.0.0.1:9464/metrics.'],
    [
      '--host=0.0.0.0 --port=9100 --web.config.file=web.yml',
      'The directory of PROMETHEUS_MULTIPROC_DIR, with what web.yml asks for.',
    ],
  ],
  exitCodes: {
    0: 'It ended on SIGTERM or SIGINT.',
    1: 'It could not start: the port is taken, or a file is wrong.',
    2: 'Wrong options or settings.',
  },
  load: async () => (await import('./serve.ts')).serve,
};

const inspect: Command = {
  name: 'inspect',
  summary: 'Show what is in a directory.',
  positional: 'directory',
  description: [
    'Shows the slots of a metrics directory with who owns them, how many series they hold and how large they are; the largest families; those past their limit of series; damage; and the free space.',
    'Writes nothing, and takes no lock that a starting process would notice.',
  ],
  options: {
    directory: DIRECTORY,
    json: { description: 'Print JSON, for programs.' },
    families: { value: 'NUMBER', description: 'How many families to list, largest first. Else 10; in JSON all.' },
  },
  examples: [
    ['/dev/shm/app-metrics', 'Shows it in columns.'],
    ['--json | jq .slots', 'The slots of the directory of PROMETHEUS_MULTIPROC_DIR, for a program.'],
  ],
  exitCodes: { 0: 'All is well.', 1: 'Something is damaged, or there is no such directory.', 2: 'Wrong options.' },
  load: async () => (await import('./inspect.ts')).inspect,
};

const reset: Command = {
  name: 'reset',
  summary: 'Reset a directory to zero.',
  positional: 'directory',
  description: [
    'Removes all counts from a metrics directory, and files that were put aside as damaged. Leaves other files alone.',
    'Refuses while processes count there. With --force it removes the counts of processes that have ended, from all pages within a second; live processes keep theirs.',
    'At a terminal it asks first.',
  ],
  options: {
    directory: DIRECTORY,
    force: { description: 'Also while processes count there; their own counts stay.' },
    yes: { short: 'y', description: 'Ask nothing.' },
  },
  examples: [
    ['/dev/shm/app-metrics', 'Resets it, if no process lives.'],
    ['--force --yes', 'Forgets the dead of the directory of PROMETHEUS_MULTIPROC_DIR.'],
  ],
  exitCodes: {
    0: 'Done, or there was nothing to do.',
    1: 'Not done: processes live, or it is no metrics directory.',
    2: 'Wrong options.',
  },
  load: async () => (await import('./reset.ts')).reset,
};

const push: Command = {
  name: 'push',
  summary: 'Send the page of a directory to a Pushgateway.',
  positional: 'directory',
  description: [
    'Sends the page of a metrics directory to a Prometheus Pushgateway, for short-lived commands that nothing scrapes. The job and the other labels of the group are the identity of what is pushed: what was pushed under the same ones before is replaced.',
    'Tries again where the gateway can not be reached, or answers 429 or 5xx. A user and password may stand in the URL. NODE_EXTRA_CA_CERTS names further authorities for TLS.',
  ],
  options: {
    directory: DIRECTORY,
    gateway: { value: 'URL', variable: 'PUSHGATEWAY_URL', description: 'The gateway, such as http://gateway:9091.' },
    job: { value: 'JOB', description: 'The name of the job.' },
    grouping: { value: 'NAME=VALUE', multiple: true, description: 'A further label of the group; may be repeated.' },
    method: {
      value: 'METHOD',
      description:
        'put replaces the whole group, post the families of the same names, delete deletes the group. Else put.',
    },
    format: { value: 'FORMAT', description: 'text or protobuf, which has native histograms. Else text.' },
    username: {
      value: 'NAME',
      variable: 'PUSHGATEWAY_USERNAME',
      description: 'For basic authentication; the password is in PUSHGATEWAY_PASSWORD or --password-file.',
    },
    'password-file': { value: 'FILE', description: 'A file that holds the password.' },
    'token-file': { value: 'FILE', description: 'A file that holds a bearer token; else PUSHGATEWAY_TOKEN, if set.' },
    retries: {
      value: 'NUMBER',
      description: 'How often to try again, 0 to 10, after 0.5 s, 1 s, 2 s and so on. Else 3.',
    },
    timeout: { value: 'SECONDS', description: 'How long a try may take. Else 10.' },
  },
  examples: [
    ['--gateway=http://gateway:9091 --job=nightly_import /dev/shm/import', 'Replaces what the last run has pushed.'],
    ['--job=nightly_import --grouping=site=zrh --method=delete', 'Deletes the group.'],
  ],
  exitCodes: { 0: 'The gateway has it.', 1: 'It has not: unreachable, or it refused.', 2: 'Wrong options.' },
  load: async () => (await import('./push.ts')).push,
};

/** All commands, in the order of the help text. */
export const COMMANDS: readonly Command[] = [serve, inspect, reset, push];
