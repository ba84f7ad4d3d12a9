export { instrumentHttpClient, type InstrumentHttpClientOptions } from '../instrument/http-client.ts';
