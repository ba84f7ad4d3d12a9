import type { App } from '../../resource/model.ts';
import { device } from './device.ts';
import { rack } from './rack.ts';
import { site } from './site.ts';

/** Data centre infrastructure: where the equipment stands. */
export const dcim: App = { name: 'dcim', label: 'Infrastructure', models: [site, rack, device] };
