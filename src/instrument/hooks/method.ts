/** A method as hooks handle it: `this` and the arguments are handed on as they came. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Any function, as a constraint for more precise types of a method. */
export type AnyMethod = (this: never, ...args: never[]) => unknown;
