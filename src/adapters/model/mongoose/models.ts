/** The part of a model that is used. */
export interface MongooseModel {
  readonly modelName: string;
  readonly collection: object;
  readonly schema: {
    readonly options: { readonly discriminatorKey?: string };
    /** Of a discriminator: what its documents have under the key. */
    readonly discriminatorMapping?: { readonly value?: unknown; readonly isRoot?: boolean };
  };
}

const known: WeakMap<object, CollectionModels> = new WeakMap();

/** The models of a collection. */
export function modelsOf(collection: object): CollectionModels {
  let models = known.get(collection);
  if (!models) known.set(collection, (models = new CollectionModels()));
  return models;
}

/** The models that share a collection: one, and its discriminators. */
class CollectionModels {
  #name: string | undefined;
  #key: string = '__t';
  readonly #discriminators: Map<unknown, string> = new Map();

  add({ modelName, schema: { options, discriminatorMapping } }: MongooseModel): void {
    if (discriminatorMapping?.isRoot === false) {
      this.#discriminators.set(discriminatorMapping.value, modelName);
    } else {
      this.#name ??= modelName;
      this.#key = options.discriminatorKey ?? '__t';
    }
  }

  /**
   * @param about A document, a filter, documents or bulk operations: the model that all of them are
   *   of.
   */
  nameOf(about: unknown): string {
    const base = this.#name ?? '';
    if (this.#discriminators.size === 0) return base;
    const names = new Set((Array.isArray(about) ? about : [about]).map((one: unknown) => this.#nameOfOne(one)));
    return (names.size === 1 ? [...names][0] : undefined) ?? base;
  }

  #nameOfOne(one: unknown): string | undefined {
    if (typeof one !== 'object' || one === null) return undefined;
    const { [this.#key]: own = keyOfOperation(one, this.#key) } = one as Record<string, unknown>;
    return this.#discriminators.get(own);
  }
}

/** Of a bulk operation, such as `{ updateOne: { filter } }`. */
function keyOfOperation(one: object, key: string): unknown {
  const [operation] = Object.values(one) as ({ readonly document?: object; readonly filter?: object } | undefined)[];
  return ((operation?.filter ?? operation?.document) as Record<string, unknown> | undefined)?.[key];
}
