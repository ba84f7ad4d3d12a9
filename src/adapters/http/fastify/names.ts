import { type FastifyHook, type HookKind, hooksOf, parentOf, prefixOf } from './types.ts';

/**
 * Returns the names of a route's hooks, in their order. One without a name has its position where
 * it was added, and that place: `<anonymous 2> at /api` for the second of the instance with that
 * prefix, `<anonymous 1> at /api/devices/:id` for one of the route's own.
 *
 * @param hooks Those of the instance, then those of the route, bound to the instance.
 */
export function nameHooks(
  hooks: readonly FastifyHook[],
  kind: HookKind,
  instance: object,
  pattern: string | undefined,
): string[] {
  const inherited = hooksOf(instance, kind);
  let ofRoute = 0;
  return hooks.map((hook, i) => {
    const name = nameOf(hook, kind);
    if (name !== '') return name;
    const original = inherited[i];
    if (original === undefined) return anonymous(++ofRoute, pattern ?? '');
    const owner = ownerOf(original, kind, instance);
    const above = parentOf(owner);
    const before = above === undefined ? 0 : hooksOf(above, kind).length;
    const own = hooksOf(owner, kind).slice(before);
    const position = own.slice(0, own.indexOf(original) + 1).filter((each) => nameOf(each, kind) === '').length;
    return anonymous(position, prefixOf(owner));
  });
}

/** A function in an object of options is named after its key: that says nothing. */
function nameOf({ name }: FastifyHook, kind: HookKind): string {
  const own = name.replace(/^(bound )+/, '');
  return own === kind ? '' : own;
}

/** The instance that a hook was added to: the outermost that has it. */
function ownerOf(hook: FastifyHook, kind: HookKind, instance: object): object {
  let owner = instance;
  for (;;) {
    const above = parentOf(owner);
    if (above === undefined || !hooksOf(above, kind).includes(hook)) return owner;
    owner = above;
  }
}

function anonymous(position: number, place: string): string {
  return `<anonymous ${position}>${place === '' || place === '/' ? '' : ` at ${place}`}`;
}
