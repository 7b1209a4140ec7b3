/** The code blocks of docstrings and of Markdown documents. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../packaging/built.js';

/** A fenced block: where it stands, the declaration that it documents (none in Markdown), its language and text. */
export interface Block {
  readonly place: string;
  readonly owner: string | undefined;
  readonly language: string;
  readonly code: string;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;
const DOCSTRING = /^[ \t]*\/\*\*[\s\S]*?\*\//gm;
const DECLARATION = /^\s*export (?:declare )?(?:async )?(?:function\*?|const|class|interface|type) (\w+)/;

function fences(text: string, file: string, firstLine: number, owner?: string): Block[] {
  return [...text.matchAll(FENCE)].map((match) => {
    const line = firstLine + text.slice(0, match.index).split('\n').length - 1;
    return { place: `${file}:${line}`, owner, language: match[1], code: match[2] };
  });
}

/** The blocks of all docstrings under src, tests apart. */
export function docstringBlocks(): Block[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).sort();
  return sources.flatMap((source) => {
    const text = readFileSync(join(root, 'src', source), 'utf8');
    return [...text.matchAll(DOCSTRING)].flatMap((match) => {
      const end = match.index + match[0].length;
      const owner = DECLARATION.exec(text.slice(end))?.[1];
      const firstLine = text.slice(0, match.index).split('\n').length;
      return fences(match[0].replace(/^[ \t]*\* ?/gm, ''), `src/${source}`, firstLine, owner);
    });
  });
}

/** The blocks of a Markdown document of the repository. */
export function markdownBlocks(file: string): Block[] {
  return fences(readFileSync(join(root, file), 'utf8'), file, 1);
}
