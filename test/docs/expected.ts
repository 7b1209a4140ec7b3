/** Lines `expression; // => value` in examples: finding them, and comparing what came out with the digits that are written there. */
import ts from 'typescript';

const MARK = /^\s*\/\/ => (.*)$/;

function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2023, true);
}

/**
 * The example with each `expression; // => value` made `check("value", expression);`.
 * Throws where a mark does not follow an expression statement, so that none goes unseen.
 */
export function withChecks(code: string): { code: string; checks: number } {
  const source = parse(code);
  let result = '';
  let done = 0;
  let checks = 0;
  for (const statement of source.statements) {
    const comments = ts.getTrailingCommentRanges(code, statement.end) ?? [];
    const value = comments.map(({ pos, end }) => MARK.exec(code.slice(pos, end))?.[1]).find((text) => text);
    if (value === undefined || !ts.isExpressionStatement(statement)) continue;
    const { expression } = statement;
    result += `${code.slice(done, expression.getStart())}check(${JSON.stringify(value)}, ${expression.getText()})`;
    done = expression.end;
    checks++;
  }
  if (checks !== code.split('// =>').length - 1)
    throw new Error('"// => value" must stand on the line where an expression statement ends');
  return { code: result + code.slice(done), checks };
}

/** A written number stands for all that round to it; one without decimals stands for itself. */
function sameNumber(actual: unknown, literal: string, sign: number): boolean {
  const expected = sign * Number(literal);
  const [, decimals, exponent] = /^\d*(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(literal) ?? [];
  if (decimals === undefined && exponent === undefined) return Object.is(actual, expected);
  const unit = 10 ** (Number(exponent ?? 0) - (decimals ?? '').length);
  return typeof actual === 'number' && Math.abs(actual - expected) <= 0.5 * unit * (1 + 1e-9);
}

const CONSTANTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
]);

function commaList(expression: ts.Expression): readonly ts.Expression[] {
  if (!ts.isBinaryExpression(expression)) return [expression];
  return [...commaList(expression.left), expression.right];
}

function sameEntries(actual: unknown, expected: readonly ts.Expression[]): boolean {
  if (!Array.isArray(actual) && !ArrayBuffer.isView(actual)) return false;
  const list = Array.from(actual as unknown as ArrayLike<unknown>);
  return list.length === expected.length && list.every((value, i) => same(value, expected[i]));
}

function same(actual: unknown, expected: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(expected)) return same(actual, expected.expression);
  if (ts.isNumericLiteral(expected)) return sameNumber(actual, expected.getText(), 1);
  if (ts.isPrefixUnaryExpression(expected) && expected.operator === ts.SyntaxKind.MinusToken) {
    const { operand } = expected;
    if (ts.isNumericLiteral(operand)) return sameNumber(actual, operand.getText(), -1);
    return operand.getText() === 'Infinity' && actual === Number.NEGATIVE_INFINITY;
  }
  if (ts.isStringLiteralLike(expected)) return actual === expected.text;
  if (ts.isIdentifier(expected) && CONSTANTS.has(expected.text))
    return Object.is(actual, CONSTANTS.get(expected.text));
  if (expected.kind === ts.SyntaxKind.TrueKeyword) return actual === true;
  if (expected.kind === ts.SyntaxKind.FalseKeyword) return actual === false;
  if (expected.kind === ts.SyntaxKind.NullKeyword) return actual === null;
  if (ts.isArrayLiteralExpression(expected)) return sameEntries(actual, expected.elements);
  // `Float64Array [1, 2]`, as consoles print it, reads as an access with a comma operator.
  if (ts.isElementAccessExpression(expected))
    return (
      actual?.constructor.name === expected.expression.getText() &&
      sameEntries(actual, commaList(expected.argumentExpression))
    );
  if (ts.isObjectLiteralExpression(expected)) {
    if (typeof actual !== 'object' || actual === null) return false;
    const { properties } = expected;
    return (
      Object.keys(actual).length === properties.length &&
      properties.every((property) => {
        if (!ts.isPropertyAssignment(property)) throw new Error(`not a property: ${property.getText()}`);
        const name = property.name as ts.Identifier | ts.StringLiteral;
        return Object.hasOwn(actual, name.text) && same(Reflect.get(actual, name.text), property.initializer);
      })
    );
  }
  throw new Error(`not a value: ${expected.getText()}`);
}

/** Whether a value is the written one: deep equality, numbers to the digits that are written. A typed array equals the array of its entries. */
export function matches(actual: unknown, written: string): boolean {
  const source = parse(`(${written}\n);`) as ts.SourceFile & { parseDiagnostics: readonly unknown[] };
  const [statement] = source.statements;
  if (source.parseDiagnostics.length > 0 || !ts.isExpressionStatement(statement))
    throw new Error(`not a value: ${written}`);
  return same(actual, statement.expression);
}
