import type { LabelValues } from './snapshot.ts';

/** Something that is found by its label values. */
export interface Labelled {
  readonly labelValues: LabelValues;
}

/** What lies under some first label values: one item, or several by their next value. */
export type LabelNode<T extends Labelled> = T | LabelBranch<T>;

/** Items that have their first label values in common, by their next value. */
export type LabelBranch<T extends Labelled> = Map<string, LabelNode<T>>;

/**
 * Items by their label values: a tree with a level a label. Values are never joined, so that no two
 * sets are taken for one, whatever strings they are. All items have the same number of labels.
 *
 * There is a branch only where items part: one that is alone under its first values hangs there,
 * and is compared by the rest. So an item takes an entry of a Map, some 40 bytes, and no Map. A
 * lookup allocates nothing.
 */
export class LabelIndex<T extends Labelled> {
  #root: LabelNode<T> | undefined;
  #size = 0;

  /** How many items there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Where a lookup begins, for those who have the label values one by one. With a branch go on to
   * its child of the next value; an item is the one only if its other values are those that are
   * looked up.
   */
  get root(): LabelNode<T> | undefined {
    return this.#root;
  }

  get(labelValues: LabelValues): T | undefined {
    let node = this.#root;
    for (let depth = 0; node instanceof Map; depth++) node = node.get(labelValues[depth]!);
    return node !== undefined && sameValues(node.labelValues, labelValues) ? node : undefined;
  }

  /** Adds an item, in the place of one with the same label values. */
  set(item: T): void {
    const { labelValues } = item;
    let parent: LabelBranch<T> | undefined;
    let node = this.#root;
    let depth = 0;
    for (; node instanceof Map; depth++) {
      parent = node;
      node = node.get(labelValues[depth]!);
    }
    if (node !== undefined && !sameValues(node.labelValues, labelValues)) {
      this.#put(parent, labelValues, depth, branchOf(node, item, depth));
    } else {
      this.#put(parent, labelValues, depth, item);
      if (node !== undefined) return;
    }
    this.#size++;
  }

  /** Removes the item with these label values, and returns it. */
  delete(labelValues: LabelValues): T | undefined {
    const path: LabelBranch<T>[] = [];
    let node = this.#root;
    while (node instanceof Map) {
      path.push(node);
      node = node.get(labelValues[path.length - 1]!);
    }
    if (node === undefined || !sameValues(node.labelValues, labelValues)) return undefined;
    this.#size--;
    if (path.length === 0) this.#root = undefined;
    else path.at(-1)!.delete(labelValues[path.length - 1]!);
    this.#shorten(path, labelValues);
    return node;
  }

  /** All items, in no order. Those that come while it goes on may be left out. */
  *values(): Generator<T, void, undefined> {
    if (this.#root !== undefined) yield* itemsOf(this.#root);
  }

  /** Puts an item that is alone in its branch in the branch's place, and so on upwards. */
  #shorten(path: LabelBranch<T>[], labelValues: LabelValues): void {
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const branch = path[depth]!;
      if (branch.size > 1) return;
      const [last] = branch.values();
      if (last instanceof Map) return;
      if (last !== undefined) this.#put(path[depth - 1], labelValues, depth, last);
      else if (depth === 0) this.#root = undefined;
      else path[depth - 1]!.delete(labelValues[depth - 1]!);
    }
  }

  /** Hangs a node under the first `depth` label values. */
  #put(parent: LabelBranch<T> | undefined, labelValues: LabelValues, depth: number, node: LabelNode<T>): void {
    if (parent) parent.set(labelValues[depth - 1]!, node);
    else this.#root = node;
  }
}

/** A branch for two items that part at `depth` or below. */
function branchOf<T extends Labelled>(a: T, b: T, depth: number): LabelBranch<T> {
  const first = a.labelValues[depth]!;
  const second = b.labelValues[depth]!;
  if (first === second) return new Map([[first, branchOf(a, b, depth + 1)]]);
  return new Map([
    [first, a],
    [second, b],
  ]);
}

function* itemsOf<T extends Labelled>(node: LabelNode<T>): Generator<T, void, undefined> {
  if (!(node instanceof Map)) yield node;
  else for (const child of node.values()) yield* itemsOf(child);
}

function sameValues(a: LabelValues, b: LabelValues): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
