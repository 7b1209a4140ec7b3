/** Every command line that the documents show names scripts, files, commands and options that exist. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { built, root } from '../packaging/built.js';
import { markdownBlocks } from './blocks.js';

const SHELL = /^(sh|bash|shell|console)$/;
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The commands of shell blocks: lines continued and comments removed, split where one command ends and another begins. */
function commands(code: string): string[] {
  return code
    .replace(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line) =>
      line
        .replace(/^\$ /, '')
        .replace(/(^|\s)#.*$/, '')
        .split(/&&|\||;/),
    )
    .map((command) => command.trim())
    .filter((command) => command !== '');
}

const helps = new Map<string, string>();
function help(command: string): string {
  const known = helps.get(command);
  if (known !== undefined) return known;
  const args = [built('cli.js'), ...(command ? [command] : []), '--help'];
  const text = execFileSync(process.execPath, args, { encoding: 'utf8' });
  helps.set(command, text);
  return text;
}

/** What is wrong with the arguments of `levattention`: a command or an option that its help does not list. */
function wrongArguments([command = '', ...rest]: readonly string[]): string | undefined {
  if (command.startsWith('-')) return help('').includes(command) ? undefined : `no option ${command}`;
  if (!new RegExp(`^ +${command}\\b`, 'm').test(help(''))) return `no command ${command}`;
  const own = rest.slice(0, rest.includes('--') ? rest.indexOf('--') : undefined);
  const options = own.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0]);
  const unknown = options.find((option) => !new RegExp(`(^|[ ,])${option}\\b`, 'm').test(help(command)));
  return unknown && `levattention ${command} has no option ${unknown}`;
}

/** What is wrong with a command of a document; undefined where nothing is. */
function wrong(command: string): string | undefined {
  const [program, ...args] = command.split(/\s+/).filter((word) => !/^[A-Z_]+=/.test(word));
  if (program === 'npx' && args[0] !== 'levattention') return wrong(args.join(' '));
  if (program === 'npx') return wrongArguments(args.slice(1));
  if (program === 'levattention') return wrongArguments(args);
  if (program === 'node' && args[0] === 'dist/cli.js') return wrongArguments(args.slice(1));
  if (program === 'node' || program === 'tsx')
    return existsSync(join(root, args[0])) ? undefined : `no file ${args[0]}`;
  if (program === 'npm') {
    const verb = args[0] === 'run' ? args.find((word, i) => i > 0 && !word.startsWith('-')) : args[0];
    return /^(ci|install|pack)$/.test(verb ?? '') || scripts[verb ?? ''] ? undefined : `no script ${verb}`;
  }
  if (/^(biome|depcruise|tsc|tsdown|typedoc|vitest)$/.test(program)) return undefined;
  // What the user installs, and what comes with it.
  if (/^(cd|git|export|python3|.*venv\/bin\/pip)$/.test(program)) return undefined;
  return existsSync(join(root, program)) ? undefined : `no program ${program}`;
}

const blocks = ['README.md', 'CONTRIBUTING.md', 'docs/cluster.md', 'examples/README.md']
  .filter((file) => existsSync(join(root, file)))
  .flatMap((file) => markdownBlocks(file))
  .filter(({ language }) => SHELL.test(language));
const shown = blocks.flatMap(({ place, code }) => commands(code).map((command) => [command, place] as const));

test.each(shown)('%s (%s)', (command) => expect(wrong(command)).toBeUndefined());

test('what is not there is found', () => {
  const lines = [
    'npm run absent',
    'npx levattention absent',
    'levattention find keys.npy --absent',
    'levattention --absent',
    'node absent.js',
    'npx tsx examples/absent.ts',
    'absent',
  ];
  expect(lines.filter((line) => wrong(line) === undefined)).toEqual([]);
  expect(commands('$ npm ci && npm test # all\ncd a | levattention find \\\n  b --top 3\n')).toEqual([
    'npm ci',
    'npm test',
    'cd a',
    'levattention find    b --top 3',
  ]);
});
