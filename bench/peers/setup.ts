/** What a run has to work with: the peers that could be set up, and where to put files. */
import { installPackages } from './packages.js';
import { installPython, type PythonPeers } from './python.js';

/** Handed to every question. */
export interface Setting {
  /** Small sizes: about a minute in all. */
  readonly quick: boolean;
  /** Why the peers from npm are not all installed, if they are not. */
  readonly packages: string | undefined;
  /** The Python peers, or why there are none. */
  readonly python: PythonPeers | { readonly absent: string };
  /** Whether a table of this title is asked for. */
  asked(title: string): boolean;
  /** A temporary folder. */
  readonly folder: string;
  /** Tells what is being done. */
  say(text: string): void;
}

/** Installs the peers that are missing; one that cannot be had is absent from the tables, with the reason. */
export function setUpPeers(): Pick<Setting, 'packages' | 'python'> {
  const packages = installPackages();
  if (packages !== undefined) console.error(`peers from npm: ${packages}`);
  const python = installPython();
  if ('absent' in python) console.error(`peers from PyPI: ${python.absent}`);
  else if (python.torch) console.error(`PyTorch: ${python.torch}`);
  return { packages, python };
}
