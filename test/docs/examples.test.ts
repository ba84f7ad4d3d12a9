import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { filesBelow, ROOT } from '../support/modules.ts';
import { compile } from '../support/typescript.ts';

/** A fenced block of a page. */
interface Block {
  readonly page: string;
  readonly language: string;
  readonly code: string;
}

/** A limit for slow tests that a busy machine meets; nothing here is about time. */
const LIMIT_MS = 300_000;

/** The instructions of a Dockerfile. */
const INSTRUCTIONS: ReadonlySet<string> = new Set(
  (
    'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER ' +
    'VOLUME WORKDIR'
  ).split(' '),
);

const pages: readonly string[] = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...filesBelow('docs', '.md')];

const blocks: readonly Block[] = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^( *)```([^\n]*)\n([^]*?)^\1```$/gm)].map(
    ([, indent, language, code]) => ({ page, language: language!, code: code!.replaceAll(`\n${indent}`, '\n') }),
  ),
);

test(
  'every TypeScript example compiles against the package',
  () => {
    const folder = join(ROOT, '.cache/examples');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const examples = blocks.filter(({ language }) => language === 'ts');
    for (const [i, { page, code }] of examples.entries()) {
      writeFileSync(join(folder, `${page.replaceAll(/[/.]/g, '-')}-${i}.ts`), `${code}\nexport {};\n`);
    }
    // Skips the declarations of other libraries; test/types compiles ours without this option.
    expect(compile(folder, ['*.ts'], { skipLibCheck: true })).toBe('');
    expect(examples.length).toBeGreaterThanOrEqual(8);
    expect(new Set(examples.map(({ page }) => page)).size).toBeGreaterThanOrEqual(5);
  },
  LIMIT_MS,
);

test('every code block names a language that a test checks, or none', () => {
  const known = ['ts', 'js', 'sh', 'yaml', 'json', 'dockerfile', 'promql', 'text', ''];
  expect(blocks.filter(({ language }) => !known.includes(language))).toEqual([]);
  expect(blocks.length).toBeGreaterThanOrEqual(15);
});

test(
  'every shell example parses',
  () => {
    const scripts = blocks.filter(({ language }) => language === 'sh');
    for (const { code } of scripts) execFileSync('bash', ['-n'], { input: code });
    expect(scripts.length).toBeGreaterThanOrEqual(4);
  },
  LIMIT_MS,
);

test('every example of JavaScript, JSON and YAML parses', () => {
  const parsers: Readonly<Record<string, (code: string) => void>> = {
    js: (code) => void new Script(code),
    json: (code) => void JSON.parse(code),
    yaml: (code) => {
      for (const document of parseAllDocuments(code)) expect(document.errors).toEqual([]);
    },
  };
  const seen = new Map<string, number>();
  for (const { page, language, code } of blocks) {
    const parse = parsers[language];
    if (!parse) continue;
    seen.set(language, (seen.get(language) ?? 0) + 1);
    expect(() => parse(code), `${page}: ${code}`).not.toThrow();
  }
  for (const language of Object.keys(parsers)) expect(seen.get(language) ?? 0).toBeGreaterThanOrEqual(1);
});

test('every Dockerfile has known instructions, and FROM first', () => {
  const files = blocks.filter(({ language }) => language === 'dockerfile');
  for (const { page, code } of files) {
    const lines = code
      .replaceAll(/\\\n/g, ' ')
      .split('\n')
      .map((line) => line.trim());
    const words = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(/\s/)[0]!);
    expect({ page, unknown: words.filter((word) => !INSTRUCTIONS.has(word)) }).toEqual({ page, unknown: [] });
    expect(words.find((word) => word !== 'ARG')).toBe('FROM');
  }
  expect(files.length).toBeGreaterThanOrEqual(1);
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
