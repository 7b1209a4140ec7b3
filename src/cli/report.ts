/** `levattention report`: one HTML page about the keys, queries and values of a model. */
import { Command } from 'commander';
import { headsOf } from '../keys.js';
import type { CallOptions } from '../steps.js';
import { UsageError } from './failure.js';
import { writeFileAtomic } from './file-source.js';
import { aboutInputs, openInput } from './inputs.js';
import { parseEpsilon } from './options.js';
import { checkOutput } from './outputs.js';
import { defaultEpsilon, measure } from './report/measure.js';
import { reportPage } from './report/page.js';
import { randomSeeds, spokenCount } from './report/trials.js';
import { summary } from './report/words.js';
import type { Session } from './session.js';
import { counted, seconds } from './text.js';

interface ReportOptions {
  readonly epsilon?: string;
  readonly causal?: boolean;
  readonly output?: string;
}

const help = `
Files and shapes as for attend. The page needs no network; it opens in any browser.

Example:
  levattention report q.npy k.npy v.npy -o report.html
  levattention report cap.safetensors#q cap.safetensors#k cap.safetensors#v --causal -o report.html`;

/** The command. */
export function reportCommand({ call, print }: Session): Command {
  return new Command('report')
    .summary('one page with all of it in pictures')
    .description(
      'Writes one self-contained HTML page: which keys can ever be heavy (weight power:2), how large the set is at each ' +
        'threshold, and what softmax attention over few keys costs with each selector.',
    )
    .argument('<q>', 'file of queries')
    .argument('<k>', 'file of keys')
    .argument('<v>', 'file of values')
    .option('--epsilon <e>', 'threshold of the attention score, in (0, 1]; twice the mean score unless given')
    .option('--causal', 'query i of m attends to the keys up to i + n - m')
    .option('-o, --output <file.html>', 'the page to write')
    .addHelpText('after', help)
    .action(async (q: string, k: string, v: string, options: ReportOptions) =>
      print(await report([q, k, v], options, call)),
    );
}

async function report(references: string[], options: ReportOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const { output, causal = false } = options;
  if (output === undefined) throw new UsageError('-o is needed, such as -o report.html');
  checkOutput(output, ['.html'], '-o', references);
  const inputs = [];
  for (const reference of references) inputs.push(await openInput(reference));
  const [q, k, v] = inputs.map((input) => input.whole());
  const { batches, heads: keyHeads } = headsOf(k, 'report: k');
  const label = (batch: number, head: number) =>
    [...(batches > 1 ? [`batch ${batch}`] : []), ...(batches * keyHeads > 1 ? [`head ${head}`] : [])].join(
      ', ',
    ) || 'keys';
  const epsilon =
    options.epsilon === undefined ? defaultEpsilon(inputs[1].n, inputs[1].d) : parseEpsilon(options.epsilon);
  const { heads, setting } = await aboutInputs({ q: references[0], k: references[1], v: references[2] }, () =>
    measure(q, k, v, { epsilon, causal, label, ...call }),
  );
  const figures = {
    title: 'The few keys that can ever matter',
    source: inputs.map(({ reference, shape }) => `${reference} [${shape.join(', ')}]`).join(' \u00b7 '),
    epsilon,
    causal,
    pickCount: spokenCount(setting),
    queries: { measured: headsOf(setting.q, 'report: q').n, all: inputs[0].n },
    prompt: setting.prompt,
    randomSeeds,
    heads,
  };
  writeFileAtomic(output, [await reportPage(figures)]);
  return [
    ...summary(figures),
    `page about ${counted(heads.length, 'head')} written to ${output}`,
    `took ${seconds((performance.now() - started) / 1000)}`,
  ].join('\n');
}
