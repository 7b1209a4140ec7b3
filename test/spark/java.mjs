// Whether there is a Java that Spark 4 runs on.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Why there is none, or undefined.
 * @returns {string | undefined}
 */
export function javaAbsent() {
  const home = process.env.JAVA_HOME;
  const { status, stderr } = spawnSync(home ? join(home, 'bin', 'java') : 'java', ['-version'], {
    encoding: 'utf8',
  });
  if (status !== 0) return 'Spark 4 needs Java 17 or later, and there is none on PATH or at JAVA_HOME';
  const version = Number(/version "(\d+)/.exec(stderr)?.[1]);
  return version >= 17 ? undefined : `Spark 4 needs Java 17 or later, found ${version}`;
}
