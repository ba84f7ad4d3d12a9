import { hashSync } from 'bcryptjs';
import { expect, test } from 'vitest';
import { type Admission, BasicUsers } from '../../src/cli/basic-users.ts';

const users = new Map([
  ['prometheus', hashSync('right', 4)],
  ['grafana', hashSync('other', 6)],
]);
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function counts(admissions: readonly Admission[]): Partial<Record<Admission, number>> {
  const counted: Partial<Record<Admission, number>> = {};
  for (const admission of admissions) counted[admission] = (counted[admission] ?? 0) + 1;
  return counted;
}

test('a right password opens, a wrong one and a missing one do not', async () => {
  const basicUsers = new BasicUsers();
  expect(await basicUsers.admit(users, basic('prometheus', 'right'))).toBe('admitted');
  expect(await basicUsers.admit(users, basic('grafana', 'right'))).toBe('refused');
  expect(await basicUsers.admit(users, basic('nobody', 'right'))).toBe('refused');
  expect(await basicUsers.admit(users, basic('nobody', 'other'))).toBe('refused');
  expect(await basicUsers.admit(users, 'Bearer right')).toBe('refused');
  expect(await basicUsers.admit(users, undefined)).toBe('refused');
});

test('guesses push no right password out: it is never refused, from wherever they come', async () => {
  const basicUsers = new BasicUsers();
  expect(await basicUsers.admit(users, basic('prometheus', 'right'), 'scraper')).toBe('admitted');
  for (let round = 0; round < 8; round++) {
    const guesses = Array.from({ length: 60 }, (_, i) =>
      basicUsers.admit(users, basic('prometheus', `guess ${round} ${i}`), `guesser ${i % 6}`),
    );
    expect(await basicUsers.admit(users, basic('prometheus', 'right'), 'scraper')).toBe('admitted');
    const { refused = 0, busy = 0, admitted = 0 } = counts(await Promise.all(guesses));
    expect([admitted, refused + busy]).toEqual([0, 60]);
    expect(busy).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  }
});

test('one address that guesses leaves room for another; what was not looked at is busy, not refused', async () => {
  const basicUsers = new BasicUsers();
  const guesses = Array.from({ length: 60 }, (_, i) =>
    basicUsers.admit(users, basic('prometheus', `guess ${i}`), 'guesser'),
  );
  const [fromThere, fromElsewhere] = await Promise.all([
    basicUsers.admit(users, basic('prometheus', 'right'), 'guesser'),
    basicUsers.admit(users, basic('prometheus', 'right'), 'scraper'),
  ]);
  expect(fromThere).toBe('busy');
  expect(fromElsewhere).toBe('admitted');
  expect(counts(await Promise.all(guesses))).toEqual({ refused: 8, busy: 52 });
});
