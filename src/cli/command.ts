/** An option of a command, as help texts and the parser know it. */
export interface Option {
  /** The placeholder of its value in help texts; undefined for a switch. */
  readonly value?: string;
  /** True if the option may be repeated. */
  readonly multiple?: true;
  readonly short?: string;
  /** The environment variable that is used without the option. */
  readonly variable?: string;
  readonly description: string;
}

/** The parsed arguments of a command. */
export interface Arguments {
  /** The last value of each option that takes one, never empty. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** All values of options that may be given several times. */
  readonly lists: Readonly<Record<string, readonly string[] | undefined>>;
  readonly switches: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

/** The environment and terminal of a command. Tests replace them. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes to standard output. */
  readonly print: (text: string) => void;
  /** Writes to standard error. */
  readonly complain: (text: string) => void;
  /** True if standard output shows colours. */
  readonly colours: boolean;
  /** Asks a yes or no question at the terminal; `undefined` without a terminal. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
}

/** The exit status: 0 for success, 1 for failure or damage, 2 for wrong usage. */
export type ExitCode = 0 | 1 | 2;

/** Runs a command. */
export type Run = (given: Arguments, surroundings: Surroundings) => Promise<ExitCode>;

/** A command of `promenade`. Its code is loaded when it runs. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** The positional argument, as the synopsis shows it. */
  readonly positional?: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  /** Commands, each with what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  readonly exitCodes: Readonly<Record<number, string>>;
  readonly load: () => Promise<Run>;
}

/** Wrong usage. The message says how to fix it. */
export class UsageError extends Error {}

/** A command failed. The message says how to fix it. */
export class CommandError extends Error {}
