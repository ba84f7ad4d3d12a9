export * from 'promenade/prom-client';
// As prom-client, whose default export is the module itself.
// oxlint-disable-next-line import/no-default-export
export { default } from 'promenade/prom-client';
