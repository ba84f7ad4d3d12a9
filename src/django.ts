export { nameViews } from './compat/django-views.ts';
export { type Migrations, setMigrations } from './compat/django-migrations.ts';
