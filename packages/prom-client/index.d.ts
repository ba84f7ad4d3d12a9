export * from 'promenade/prom-client';
export { default } from 'promenade/prom-client';
