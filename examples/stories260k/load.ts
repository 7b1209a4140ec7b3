/** Reads the two published files of stories260K from a folder; examples/README.md says where to get them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel, type Model } from './model.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

/** The model and the tokenizer of a folder with stories260K.bin and tok512.bin. */
export function loadStories(folder: string): { model: Model; tokenizer: Tokenizer } {
  const model = loadModel(readFileSync(join(folder, 'stories260K.bin')));
  const tokenizer = loadTokenizer(readFileSync(join(folder, 'tok512.bin')));
  if (tokenizer.pieces.length !== model.config.vocab)
    throw new RangeError(
      `loadStories: the model has ${model.config.vocab} tokens, the tokenizer ${tokenizer.pieces.length}`,
    );
  return { model, tokenizer };
}
