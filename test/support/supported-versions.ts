import { ADAPTERS, type LibraryRange } from '../../src/adapters/catalogue.ts';

/** What of a library an adapter supports. */
export interface SupportedVersions extends LibraryRange {
  readonly adapter: string;
}

/** All of them, in the order of the documentation's pages. */
export const supportedVersions: readonly SupportedVersions[] = ADAPTERS.flatMap(({ name, libraries }) =>
  libraries.map((range) => ({ adapter: name, ...range })),
);
