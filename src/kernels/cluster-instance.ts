/** The one instance of the module for clusters of this thread: each call lays its memory out anew. */
import { cluster } from './generated/cluster.js';
import { type ClusterExports, KernelInstance } from './module.js';

let shared: KernelInstance<ClusterExports> | undefined;

/** Made at first use. */
export function clusterInstance(): KernelInstance<ClusterExports> {
  shared ??= new KernelInstance<ClusterExports>(cluster);
  return shared;
}
