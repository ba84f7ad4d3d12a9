import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeProgram } from '../dist/node-versions.ts';
import { ROOT } from './modules.ts';

/** What came of a suite. */
export interface SuiteResult {
  readonly passed: number;
  /** The names of what failed, or was not run, with why. */
  readonly others: readonly string[];
}

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/**
 * Runs a suite by vitest on a newer Node than this one, for libraries that this one can't run:
 * `test/**\/*.newer-node.ts`.
 *
 * @throws Error where vitest itself fails.
 */
export async function runOnNode(version: string, suite: string): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), 'newer-node-test-'));
  const file = join(folder, 'report.json');
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const config = join(ROOT, 'test/support/newer-node.config.ts');
  const args = [vitest, 'run', '--config', config, '--reporter=json', `--outputFile=${file}`, suite];
  const printed = await new Promise<string>((resolve) => {
    execFile(nodeProgram(version), args, { cwd: ROOT }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  try {
    const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
    const all = testResults.flatMap(({ assertionResults }) => assertionResults);
    const broken = testResults.filter(({ assertionResults }) => assertionResults.length === 0);
    return {
      passed: all.filter(({ status }) => status === 'passed').length,
      others: [
        ...broken.map(({ message }) => message),
        ...all
          .filter(({ status }) => status !== 'passed')
          .map(({ fullName, status, failureMessages }) => `${fullName}: ${status} ${failureMessages.join('\n')}`),
      ],
    };
  } catch (error) {
    throw new Error(`vitest on Node ${version} did not report: ${printed}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
