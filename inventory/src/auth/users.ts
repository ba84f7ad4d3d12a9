import { sameSecret } from './token.ts';

/** The rights of a logged-in user. Reading needs no login. */
export interface Permissions {
  readonly write: boolean;
  /** May read the metrics page when METRICS_AUTHENTICATION is on. */
  readonly metrics: boolean;
}

const permissions: Readonly<Record<string, Permissions>> = {
  admin: { write: true, metrics: true },
  guest: { write: false, metrics: false },
};

const none: Permissions = { write: false, metrics: false };

/** Returns a user's rights: none for an unknown user. */
export function permissionsOf(user: string | undefined): Permissions {
  return (user !== undefined && Object.hasOwn(permissions, user) && permissions[user]) || none;
}

/** The users and their passwords. */
export type Passwords = Readonly<Record<'admin', string> & Record<'guest', string | undefined>>;

/** True if this is the user's password. Takes the same time for unknown users. */
export function isPassword(passwords: Passwords, user: string, password: string): boolean {
  const expected = Object.hasOwn(passwords, user) ? passwords[user as keyof Passwords] : undefined;
  const same = sameSecret(password, expected ?? passwords.admin);
  return same && expected !== undefined;
}
