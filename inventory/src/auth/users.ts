import { sameSecret } from './token.ts';

/** What somebody may do who is logged in. Reading needs no login. */
export interface Permissions {
  readonly write: boolean;
  /** Reading the metrics page, where METRICS_AUTHENTICATION asks. */
  readonly metrics: boolean;
}

const permissions: Readonly<Record<string, Permissions>> = {
  admin: { write: true, metrics: true },
  guest: { write: false, metrics: false },
};

const none: Permissions = { write: false, metrics: false };

/** What a user may do; nothing where there is no such user. */
export function permissionsOf(user: string | undefined): Permissions {
  return (user !== undefined && Object.hasOwn(permissions, user) && permissions[user]) || none;
}

/** The users that there are, with their passwords. */
export type Passwords = Readonly<Record<'admin', string> & Record<'guest', string | undefined>>;

/** Whether this is a user's password. Takes as long for users that there are not. */
export function isPassword(passwords: Passwords, user: string, password: string): boolean {
  const expected = Object.hasOwn(passwords, user) ? passwords[user as keyof Passwords] : undefined;
  const same = sameSecret(password, expected ?? passwords.admin);
  return same && expected !== undefined;
}
