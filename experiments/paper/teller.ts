/** What the command says on stderr: the choice of sizes, and how far the runs are. */
import { thousands } from '../../src/cli/text.js';
import { parameterCount } from '../../src/vit/parameters.js';
import { trainingPlan } from '../../src/vit/plan.js';
import type { Place } from './place.js';
import type { Report, Run } from './run.js';
import type { Teller } from './schedule.js';
import type { Geometry, Settings } from './settings.js';

/** Milliseconds between two words on the same run. */
const INTERVAL = 60_000;

/** What was chosen so that two cores can carry it. */
export function choiceText({ name, data, model, recipe, small, large, long, seeds }: Settings): string {
  const { model: shape, training } = trainingPlan({
    data,
    model: { ...model, image: small.image },
    training: recipe,
  });
  const geometry = ({ tokens, images }: Geometry) => `${thousands(images)} images at n = ${tokens}`;
  return [
    `${name}: ${shape.depth} layers, width ${shape.width}, ${shape.heads} heads of ${shape.width / shape.heads}, MLP ${shape.hidden}: ${thousands(parameterCount(shape))} parameters`,
    `  trained on ${geometry(small)} and on ${geometry(large)}, longer on ${geometry(long)}, in batches of ${training.batch}; ${seeds.length} seeds`,
  ].join('\n');
}

/** Which runs are done again though their results are there, why, and what that costs. */
export function againLines(missing: readonly Run[], place: Place): string[] {
  return missing
    .filter((run) => place.result(run))
    .flatMap((run) => {
      const reader = missing.find(({ reads }) => reads.some((artefact) => artefact.run === run));
      // Where nothing reads it, another command has just done it.
      if (!reader) return [];
      const files = reader.reads.filter((artefact) => artefact.run === run).map(({ file }) => file);
      return `${run.name}: its result is there, but not ${files.join(', ')}, which ${reader.name} reads: it is done again, about ${durationText(run.seconds)}`;
    });
}

/** What is left to do. */
export function leftText(missing: readonly Run[], jobs: number): string {
  const sum = missing.reduce((sum, { seconds }) => sum + seconds, 0);
  return `${missing.length} runs are missing: about ${durationText(sum / jobs)}, ${jobs} at a time`;
}

/** `7 h 5 min`, `3 min`. */
export function durationText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A line at every start and end, and every minute of each run; the time left is told from how fast the runs went so far. */
export class Lines implements Teller {
  readonly #said = new Map<Run, number>();
  readonly #done = new Map<Run, number>();
  readonly #first = new Map<Run, number>();
  readonly #started = performance.now();

  constructor(
    private readonly missing: readonly Run[],
    private readonly jobs: number,
    private readonly write: (line: string) => void,
  ) {}

  started(run: Run): void {
    this.write(`${run.name}: begins`);
    this.#said.set(run, performance.now());
  }

  reported(run: Run, { done, total, note }: Report): void {
    const share = done / total;
    if (!this.#first.has(run)) this.#first.set(run, share);
    this.#done.set(run, share);
    const now = performance.now();
    if (now - this.#said.get(run)! < INTERVAL) return;
    this.#said.set(run, now);
    const text = note === undefined ? '' : `, ${note}`;
    this.write(`${run.name}: ${thousands(done)} of ${thousands(total)}${text}; ${this.left()}`);
  }

  ended(run: Run, error?: Error): void {
    this.#done.set(run, 1);
    // What another command did, or does, says nothing of how fast this one is.
    if (!this.#said.has(run)) this.#first.set(run, 1);
    this.write(error ? `${run.name}: not done, ${error.message}` : `${run.name}: done; ${this.left()}`);
  }

  private left(): string {
    let ahead = 0;
    let behind = 0;
    for (const run of this.missing) {
      const share = this.#done.get(run) ?? 0;
      ahead += (1 - share) * run.seconds;
      behind += (share - (this.#first.get(run) ?? 0)) * run.seconds;
    }
    const elapsed = (performance.now() - this.#started) / 1000;
    // Seconds of this clock for one second of the estimate.
    const pace = behind > 0 ? elapsed / behind : 1 / this.jobs;
    return `about ${durationText(ahead * pace)} left`;
  }
}
