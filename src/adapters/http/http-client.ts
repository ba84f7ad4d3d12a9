export { instrumentHttpClient, type InstrumentHttpClientOptions } from '../../instrument/http-client/http-client.ts';
