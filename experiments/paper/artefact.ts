/** What training runs leave beside their results for runs that read it, so that the folder of results is enough to go on anywhere. */
import { join } from 'node:path';
import type { Place } from './place.js';
import type { Run } from './run.js';

/** A file beside the results. */
export interface Artefact<Content = unknown> {
  /** The training run that leaves it. */
  readonly run: Run;
  readonly file: string;
  /** What it holds; undefined where it is gone, damaged, or of another configuration. */
  read(place: Place): Promise<Content | undefined>;
  /** Writes it from what the cache has of the run; false where that does not suffice. */
  make(place: Place): Promise<boolean>;
}

/** Where it lies. */
export function artefactPath({ file }: Pick<Artefact, 'file'>, { results }: Place): string {
  return join(results, file);
}

/** What it holds, for a run that cannot do without. */
export async function contentOf<Content>(artefact: Artefact<Content>, place: Place): Promise<Content> {
  const content = await artefact.read(place);
  if (content === undefined)
    throw new Error(`${artefactPath(artefact, place)}: must be what ${artefact.run.name} leaves`);
  return content;
}

/** Those that a training run could not leave; what is there already stays. */
export async function makeArtefacts({ leaves = [] }: Run, place: Place): Promise<Artefact[]> {
  const failed: Artefact[] = [];
  for (const artefact of leaves)
    if ((await artefact.read(place)) === undefined && !(await artefact.make(place))) failed.push(artefact);
  return failed;
}
