/** The built library: what ships is what is measured. */
import type * as Library from '../src/index.js';

/** Everything that `levattention` exports. */
export const library = (await import(new URL('../dist/index.js', import.meta.url).href)) as typeof Library;
