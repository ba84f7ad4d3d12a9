import { Tokens } from './lexer.ts';
import { mayHoldSeveral, readStatements } from './statement.ts';

/**
 * What makes a text unsafe to split: triggers, the only statements of SQLite with semicolons inside;
 * a NUL, at which SQLite stops reading; a parameter with a suffix in parentheses, which may hold
 * anything; and blanks that are none for SQLite.
 */
const UNSAFE = /\btrigger\b|\0|[$@#:][\w$\u0080-\uffff]*(?:::[\w$]*)*\(|[\u00a0\ufeff]/i;

/**
 * Splits a text for SQLite into texts of one statement each, their comments and blanks included:
 * joined they are the text. By SQLite's grammar every semicolon outside of quotes and comments ends
 * a statement, but for those in the body of a trigger.
 *
 * @returns undefined for a text that has one statement, or is not safe to split.
 */
export function splitTexts(sql: string): readonly string[] | undefined {
  if (!mayHoldSeveral(sql) || UNSAFE.test(sql)) return undefined;
  const tokens = new Tokens(sql, 0, 'sqlite');
  const texts: string[] = [];
  let from = 0;
  let isEmpty = true;
  while (tokens.next()) {
    if (tokens.kind === 'symbol' && tokens.text === ';') {
      // A semicolon without a statement goes with the next one.
      if (isEmpty) continue;
      texts.push(sql.slice(from, tokens.end));
      from = tokens.end;
      isEmpty = true;
    } else isEmpty = false;
  }
  if (!isEmpty) texts.push(sql.slice(from));
  else if (texts.length > 0) texts[texts.length - 1] += sql.slice(from);
  // Both readings have to agree, since the counts are by the other one.
  return texts.length > 1 && texts.length === readStatements(sql, 'sqlite').length ? texts : undefined;
}
