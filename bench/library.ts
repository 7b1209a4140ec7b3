/** The built library: what ships is what is measured. */
import type * as Library from '../src/index.js';
import type * as Io from '../src/io/index.js';

/** Everything that `levattention` exports. */
export const library = (await import(new URL('../dist/index.js', import.meta.url).href)) as typeof Library;

/** Everything that `levattention/io` exports. */
export const io = (await import(new URL('../dist/io.js', import.meta.url).href)) as typeof Io;
