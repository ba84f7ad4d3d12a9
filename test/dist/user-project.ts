import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../support/modules.ts';
import { packageFolder } from '../support/oldest.ts';
import { pack } from './tarball.ts';

/** What a program printed, and how it ended. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Packed once for the projects of a test file. */
let tarball: string | undefined;

/** A user's project in a temporary folder, with the packed package and links to what it depends on. */
export class UserProject {
  readonly folder: string = realpathSync(mkdtempSync(join(tmpdir(), 'promenade-user-')));

  constructor(manifest: Readonly<Record<string, unknown>> = {}) {
    this.write({ 'package.json': JSON.stringify({ private: true, ...manifest }) });
    this.installPackage('.');
  }

  /** Unpacks the package into the `node_modules` of a folder of the project. */
  installPackage(folder: string): void {
    const target = join(this.folder, folder, 'node_modules/promenade');
    mkdirSync(target, { recursive: true });
    tarball ??= pack(`user-project-${process.env['VITEST_POOL_ID']}`).path;
    execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', target]);
    for (const name of ['koffi', 'yaml', 'bcryptjs']) this.link(name, join(ROOT, 'node_modules', name), folder);
  }

  /** Links packages of the repository by their names. */
  use(...names: readonly string[]): void {
    for (const name of names) this.link(name, join(ROOT, 'node_modules', name));
  }

  link(name: string, target: string, folder = '.'): void {
    const place = join(this.folder, folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(target, place);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      writeFileSync(join(this.folder, name), text);
    }
  }

  copy(from: string, to: string): void {
    cpSync(join(this.folder, from), join(this.folder, to), { recursive: true });
  }

  /** Runs Node in the project, with an environment that says nothing of metrics but `env`. */
  node(parameters: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
    const { PATH, HOME } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, parameters, {
      cwd: this.folder,
      env: { PATH, HOME, ...env },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The folder of a build tool, by its name in `test/versions/build-tools`. */
export function tool(name: string): string {
  return packageFolder({ package: name, workspace: 'build-tools' });
}
