import type { Model } from '../../resource/model.ts';

/** A building or room that holds racks. */
export const site: Model = {
  name: 'site',
  plural: 'sites',
  label: 'Site',
  pluralLabel: 'Sites',
  display: 'name',
  search: ['name', 'slug', 'region', 'facility', 'description'],
  fields: [
    { name: 'name', label: 'Name', type: 'text', required: true, maxLength: 100, listed: true },
    { name: 'slug', label: 'Slug', type: 'slug', from: 'name', help: 'Made from the name when left empty.' },
    {
      name: 'status',
      label: 'Status',
      type: 'choice',
      choices: ['active', 'planned', 'staging', 'decommissioning', 'retired'],
      default: 'active',
      listed: true,
    },
    { name: 'region', label: 'Region', type: 'text', maxLength: 100, listed: true },
    { name: 'facility', label: 'Facility', type: 'text', maxLength: 50, listed: true },
    { name: 'description', label: 'Description', type: 'text', maxLength: 200, listed: true },
  ],
};
