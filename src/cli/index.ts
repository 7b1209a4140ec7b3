#!/usr/bin/env node
/** The command line `levattention`: wires the commands, and turns what goes wrong into one line and an exit code. */
import { Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { attendCommand } from './attend.js';
import { classifyCommand } from './classify.js';
import { coresetCommand } from './coreset.js';
import { demoCommand } from './demo.js';
import { estimateCommand } from './estimate.js';
import { evalCommand } from './eval.js';
import { exitCode, exitCodesHelp, failureOf, InputError, UsageError } from './failure.js';
import { findCommand } from './find.js';
import { filterCommand, finishCommand } from './finish.js';
import { heavyCommand } from './heavy.js';
import { lifetimesCommand } from './lifetimes.js';
import { manifestCommand } from './manifest.js';
import { ProgressLine } from './progress.js';
import { reportCommand } from './report.js';
import type { Session } from './session.js';
import { mergeCommand, sketchCommand } from './sketch.js';
import { sparkCommand } from './spark.js';
import { trainCommand } from './train.js';
import { workerCommand } from './worker.js';

const interrupt = new AbortController();
const progress = new ProgressLine(process.stderr);
const session: Session = {
  call: { signal: interrupt.signal, onProgress: progress.report },
  print(text) {
    progress.clear();
    process.stdout.write(`${text}\n`);
  },
};

/** The paragraph of `--help` on progress. */
const progressHelp = `
What takes more than a second shows its progress on stderr where that is a terminal; files and
pipes are left alone.`;

/** The name of the command that runs, for messages. */
let running = '';

function program(): Command {
  const commands = [
    findCommand(session),
    heavyCommand(session),
    coresetCommand(session),
    lifetimesCommand(session),
    sketchCommand(session),
    mergeCommand(session),
    finishCommand(session),
    filterCommand(session),
    manifestCommand(session),
    workerCommand(session),
    sparkCommand(session),
    estimateCommand(session),
    attendCommand(session),
    trainCommand(session),
    evalCommand(session),
    classifyCommand(session),
    reportCommand(session),
    demoCommand(session),
  ];
  const whole = new Command('levattention')
    .description(manifest.description)
    .version(manifest.version, '--version')
    .usage('<command> [options]')
    .addHelpText('after', `\nA first look: levattention demo\n${progressHelp}\n${exitCodesHelp}`);
  commands.push(helpCommand(whole, commands));
  for (const command of commands) whole.addCommand(command);
  for (const command of [whole, ...commands])
    command
      .exitOverride((error: CommanderError) => {
        running = command === whole ? '' : command.name();
        throw error;
      })
      .configureOutput({ outputError: () => {} })
      .helpCommand(false)
      .helpOption('-h, --help', 'show this')
      .hook('preAction', () => {
        running = command.name();
      });
  return whole;
}

/** `levattention help find` is `levattention find --help`. */
function helpCommand(whole: Command, commands: readonly Command[]): Command {
  return new Command('help')
    .summary('the help of a command')
    .argument('[command]', 'its name; the help of the program unless given')
    .action((name?: string) => {
      const found = name === undefined ? whole : commands.find((command) => command.name() === name);
      if (!found) throw new UsageError(`unknown command '${name}'`);
      found.outputHelp();
    });
}

/** Runs a command line, and sets the exit code of the process. */
async function main(argv: string[]): Promise<void> {
  process.once('SIGINT', () => {
    interrupt.abort();
    // Where the work is in a long piece that does not look up, the second one ends it at once.
    process.once('SIGINT', () => process.exit(exitCode.cancelled));
  });
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as `head` that has seen enough is no failure.
    const isLeft = error.code === 'EPIPE';
    if (!isLeft && process.exitCode === undefined) {
      const failure = new InputError(`standard output: ${error.message}`);
      process.stderr.write(`${failureOf(failure, running).line}\n`);
      process.exitCode = exitCode.input;
    }
    // The result of a training is a file.
    if (running !== 'train') process.exit();
  });
  try {
    await program().parseAsync(argv.length > 2 ? argv : [...argv, '--help']);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const failure = failureOf(error, running);
    process.exitCode = failure.code;
    progress.clear();
    process.stderr.write(`${failure.line}\n`);
    if (process.env.LEVATTENTION_STACK && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  } finally {
    progress.clear();
  }
}

await main(process.argv);
