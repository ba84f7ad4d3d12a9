import type { App } from '../../resource/model.ts';
import { address } from './address.ts';
import { prefix } from './prefix.ts';

/** Address management: networks, and who has which address. */
export const ipam: App = { name: 'ipam', label: 'Addresses', models: [prefix, address] };
