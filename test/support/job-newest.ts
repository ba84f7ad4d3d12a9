import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nodeProgram } from '../dist/node-versions.ts';
import { fixture } from '../multiprocess/children.ts';

/**
 * What the fixture job-newest.mjs has counted: by family, the label values of each series, and its
 * number.
 */
export interface NewestJobs {
  readonly node: string;
  /** What the handlers have seen of their jobs. */
  readonly seen: readonly unknown[];
  readonly families: Readonly<Record<string, readonly (readonly (string | number)[])[]>>;
}

/** Runs jobs of the newest version of a library, which needs Node 22. */
export async function runNewestJobs(library: string, url: string): Promise<NewestJobs> {
  const { stdout } = await promisify(execFile)(nodeProgram('22'), [fixture('job-newest.mjs'), library, url], {
    env: { ...process.env, NODE_OPTIONS: '' },
    timeout: 50_000,
  });
  return JSON.parse(stdout) as NewestJobs;
}
