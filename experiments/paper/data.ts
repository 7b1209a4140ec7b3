/** The images that everything is trained and judged on, read once by each process. */
import { imageSets } from '../../src/cli/image-data.js';
import type { Sets } from '../../src/vit/trainer.js';

const read = new Map<string, Sets>();

/** Training and test images by the name of the data. */
export function setsOf(data: string): Sets {
  const sets = read.get(data) ?? imageSets(data);
  read.set(data, sets);
  return sets;
}
