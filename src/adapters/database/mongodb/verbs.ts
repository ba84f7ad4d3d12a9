import { STATEMENTS, type Statement } from '../../../instrument/sql/statement.ts';

/** A command as the driver tells it. Arrays may be sequences of documents. */
export type Command = Readonly<Record<string, unknown>>;

const TRANSACTION: Statement = { operation: 'transaction' };

/** Commands that the driver sends by itself: no executions. */
const INTERNAL: ReadonlySet<string> = new Set(
  'hello ismaster isMaster ping endSessions killSessions refreshSessions authenticate getnonce logout saslStart saslContinue'.split(
    ' ',
  ),
);

const BY_NAME: ReadonlyMap<string, Statement> = new Map(
  Object.entries({
    find: STATEMENTS.select,
    aggregate: STATEMENTS.select,
    count: STATEMENTS.select,
    distinct: STATEMENTS.select,
    insert: STATEMENTS.insert,
    update: STATEMENTS.update,
    findAndModify: STATEMENTS.update,
    delete: STATEMENTS.delete,
    commitTransaction: TRANSACTION,
    abortTransaction: TRANSACTION,
    ...Object.fromEntries(
      [
        ...['create', 'createIndexes', 'createSearchIndexes', 'createUser', 'createRole', 'collMod', 'convertToCapped'],
        ...['drop', 'dropDatabase', 'dropIndexes', 'dropSearchIndex', 'dropUser', 'dropRole', 'renameCollection'],
        ...['grantRolesToUser', 'revokeRolesFromUser', 'updateUser', 'updateSearchIndex', 'shardCollection'],
      ].map((name) => [name, STATEMENTS.ddl]),
    ),
  }),
);

/** Returns what a command does; undefined for the driver's own. */
export function verbOfCommand(name: string, command: Command): Statement | undefined {
  if (INTERNAL.has(name)) return undefined;
  if (name === 'findAndModify' && command['remove'] === true) return STATEMENTS.delete;
  if (name === 'aggregate' && writes(command['pipeline'])) return STATEMENTS.insert;
  return BY_NAME.get(name) ?? STATEMENTS.other;
}

function writes(pipeline: unknown): boolean {
  const last = (Array.isArray(pipeline) ? pipeline.at(-1) : undefined) as object | undefined;
  return last !== undefined && ('$out' in last || '$merge' in last);
}

/**
 * The statements of a command that holds several: all updates or deletes of a collection, or a
 * client's bulk write. An insert is one, of whatever many documents.
 */
export function statementsOf(name: string, command: Command, verb: Statement): readonly Statement[] | undefined {
  if (name === 'update' || name === 'delete') {
    const several = itemsOf(command[`${name}s`]);
    return several.length > 1 ? several.map(() => verb) : undefined;
  }
  if (name !== 'bulkWrite') return undefined;
  return itemsOf(command['ops']).map((op) =>
    'insert' in op
      ? STATEMENTS.insert
      : 'update' in op
        ? STATEMENTS.update
        : 'delete' in op
          ? STATEMENTS.delete
          : STATEMENTS.other,
  );
}

function itemsOf(items: unknown): readonly object[] {
  if (Array.isArray(items)) return items as object[];
  const { documents } = (items ?? {}) as { readonly documents?: unknown };
  return Array.isArray(documents) ? (documents as object[]) : [];
}
