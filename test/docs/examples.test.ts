import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { filesBelow, ROOT } from '../support/modules.ts';
import { compile } from '../support/typescript.ts';

/** A fenced block of a page. */
interface Block {
  readonly page: string;
  readonly language: string;
  readonly code: string;
}

const pages: readonly string[] = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...filesBelow('docs', '.md')];

const blocks: readonly Block[] = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^( *)```([^\n]*)\n([^]*?)^\1```$/gm)].map(
    ([, indent, language, code]) => ({ page, language: language!, code: code!.replaceAll(`\n${indent}`, '\n') }),
  ),
);

test('every TypeScript example compiles against the package', () => {
  const folder = join(ROOT, '.cache/examples');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const examples = blocks.filter(({ language }) => language === 'ts');
  for (const [i, { page, code }] of examples.entries()) {
    writeFileSync(join(folder, `${page.replaceAll(/[/.]/g, '-')}-${i}.ts`), `${code}\nexport {};\n`);
  }
  // What other libraries declare is their own affair; test/types compiles our declarations without
  // this.
  expect(compile(folder, ['*.ts'], { skipLibCheck: true })).toBe('');
  expect(examples.length).toBeGreaterThanOrEqual(8);
  expect(new Set(examples.map(({ page }) => page)).size).toBeGreaterThanOrEqual(5);
}, 60_000);

test('code is in a language that something checks, or plainly none', () => {
  const known = ['ts', 'sh', 'yaml', 'json', 'promql', 'text', ''];
  expect(blocks.filter(({ language }) => !known.includes(language))).toEqual([]);
  expect(blocks.length).toBeGreaterThanOrEqual(15);
});

test('every shell example parses', () => {
  const scripts = blocks.filter(({ language }) => language === 'sh');
  for (const { code } of scripts) execFileSync('bash', ['-n'], { input: code });
  expect(scripts.length).toBeGreaterThanOrEqual(4);
});

test('every link between pages leads to a file', () => {
  const links = pages.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(([, target]) => ({
      page,
      target: target!,
    })),
  );
  expect(links.filter(({ page, target }) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  expect(links.length).toBeGreaterThanOrEqual(15);
});

test('the README leads to every guide', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const guides = filesBelow('docs/guide', '.md');
  expect(guides.filter((guide) => !readme.includes(`](${guide})`))).toEqual([]);
  expect(guides.length).toBeGreaterThanOrEqual(7);
});
