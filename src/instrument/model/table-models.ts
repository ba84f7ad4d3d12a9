import { tableLabel } from '../sql/sql-write.ts';

/** Maps tables to models, for libraries that have models and show SQL. */
export class TableModels {
  readonly #models: Map<string, string> = new Map();

  /**
   * Where models share a table, the first one has it.
   *
   * @param schema Empty, or left out, for a model that may be in any.
   * @returns the table, as SQL is read.
   */
  add(model: string, table: string, schema?: string | null): string {
    const label = tableLabel(table, schema || undefined);
    if (!this.#models.has(label)) this.#models.set(label, model);
    return label;
  }

  /** A table's model; the table itself where there is none. */
  readonly modelOf = (table: string): string => {
    return this.#models.get(table) ?? this.#models.get(table.slice(table.indexOf('.') + 1)) ?? table;
  };
}
