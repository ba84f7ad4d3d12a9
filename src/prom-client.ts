/**
 * The API of prom-client and @prometheus-io/client on Promenade's core: swap the import, and the
 * numbers are exact over processes.
 */
export * from './prom-client/api.ts';
// `import client from 'prom-client'` is how much code imports it: the module itself is its default export there.
// oxlint-disable-next-line import/no-default-export
export * as default from './prom-client/api.ts';
