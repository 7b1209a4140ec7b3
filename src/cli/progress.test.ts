import { expect, test } from 'vitest';
import { ProgressLine } from './progress.js';

function line(isTTY: boolean) {
  const written: string[] = [];
  const clock = { now: 0 };
  const progress = new ProgressLine({ isTTY, write: (text) => written.push(text) }, () => clock.now);
  const at = (now: number, done: number, total = 200) => {
    clock.now = now;
    progress.report({ phase: 'gram', done, total });
  };
  return { written, progress, at };
}

test('shows nothing of the first second, then at most ten lines a second, and removes the line', () => {
  const { written, progress, at } = line(true);
  at(999, 50);
  expect(written).toEqual([]);
  at(1000, 100);
  at(1050, 110);
  at(1100, 120);
  expect(written).toEqual(['\r\u001b[Kgram  50 %', '\r\u001b[Kgram  60 %']);
  progress.clear();
  progress.clear();
  expect(written.slice(2)).toEqual(['\r\u001b[K']);
});

test('shows rows a second and the time left, of an unknown total the rate alone', () => {
  const { written, at } = line(true);
  at(0, 0, 1000);
  at(2000, 500, 1000);
  at(3000, 0, 0);
  at(4000, 3000, 0);
  expect(written).toEqual([
    '\r\u001b[Kgram  50 %  250/s  2.0 s left',
    '\r\u001b[Kgram',
    '\r\u001b[Kgram  3,000/s',
  ]);
});

test('leaves files and pipes alone', () => {
  const { written, progress, at } = line(false);
  at(5000, 100);
  progress.clear();
  expect(written).toEqual([]);
});

test('shows no share of an unknown total, and never more than all', () => {
  const { written, at } = line(true);
  at(2000, 5, 0);
  at(3000, 7, 5);
  expect(written).toEqual(['\r\u001b[Kgram', '\r\u001b[Kgram 100 %  2/s']);
});
