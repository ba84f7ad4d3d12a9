import { expect, test } from 'vitest';
import { TableModels } from '../../../src/instrument/model/table-models.ts';

test('tables have their models, in the schema that was told or in any', () => {
  const models = new TableModels();
  expect(models.add('Author', 'author')).toBe('author');
  expect(models.add('Shadow', 'author', 'public')).toBe('author');
  expect(models.add('ArchivedAuthor', 'author', 'archive')).toBe('archive.author');
  expect(models.add('Invoice', 'invoices', 'billing')).toBe('billing.invoices');
  const tables = [
    'author',
    'archive.author',
    'tenant.author',
    'billing.invoices',
    'invoices',
    'nobody',
    'tenant.nobody',
  ];
  expect(tables.map(models.modelOf)).toEqual([
    'Author',
    'ArchivedAuthor',
    'Author',
    'Invoice',
    'invoices',
    'nobody',
    'tenant.nobody',
  ]);
});
