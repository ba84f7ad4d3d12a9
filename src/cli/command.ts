/** An option of a command, as help texts and the parser know it. */
export interface Option {
  /** What stands for its value in help texts; none for a switch. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly multiple?: true;
  readonly short?: string;
  /** The environment variable that it falls back on. */
  readonly variable?: string;
  readonly description: string;
}

/** What a command was given. */
export interface Arguments {
  /** The last value of each option that takes one; `''` can't be. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** All values of options that may be given several times. */
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>;
  readonly switches: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

/** What a command works with; tests give their own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes to standard output. */
  readonly print: (text: string) => void;
  /** Writes to standard error. */
  readonly complain: (text: string) => void;
  /** Whether standard output takes colours. */
  readonly colours: boolean;
  /** Asks somebody at a terminal yes or no; `undefined` where there is nobody. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
}

/** How a process ends: 0 done, 1 not done (or something is damaged), 2 asked for in a wrong way. */
export type ExitCode = 0 | 1 | 2;

/** What a command does. */
export type Run = (given: Arguments, surroundings: Surroundings) => Promise<ExitCode>;

/** One of `promenade`'s commands. What it loads, it loads when it is run. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What may follow the options, as the synopsis shows it. */
  readonly positional?: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  /** Commands, each with what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  readonly exitCodes: Readonly<Record<number, string>>;
  readonly load: () => Promise<Run>;
}

/** Something was asked for in a wrong way. Says how to mend it. */
export class UsageError extends Error {}

/** Something could not be done. Says how to mend it. */
export class CommandError extends Error {}
