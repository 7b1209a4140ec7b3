/** Writes ONNX models of exact attention, softmax(q k^T / sqrt(d)) v: just enough of protocol buffers for three small graphs. */

/** One way to say attention in ONNX. */
export interface AttentionGraph {
  readonly name: string;
  /** Order of batch, heads, positions and columns in q, k, v and out; heads and columns are one axis without the h. */
  readonly layout: 'bhnd' | 'bnd';
  model(heads: number, d: number): Uint8Array;
}

// Field numbers of onnx.proto.
const MODEL = { irVersion: 1, graph: 7, opset: 8 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, opType: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { name: 1, int: 3, ints: 8, type: 20 };
const TENSOR = { dataType: 2, floatData: 4, name: 8 };
const FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

type Bytes = readonly number[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

const integer = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)];
const message = (field: number, ...parts: Bytes[]): Bytes => {
  const bytes = parts.flat();
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
};
const text = (field: number, value: string): Bytes => message(field, [...new TextEncoder().encode(value)]);

const integerAttribute = (name: string, value: number) =>
  message(
    NODE.attribute,
    text(ATTRIBUTE.name, name),
    integer(ATTRIBUTE.int, value),
    integer(ATTRIBUTE.type, ATTRIBUTE_INT),
  );

const integersAttribute = (name: string, values: readonly number[]) =>
  message(
    NODE.attribute,
    text(ATTRIBUTE.name, name),
    ...values.map((value) => integer(ATTRIBUTE.ints, value)),
    integer(ATTRIBUTE.type, ATTRIBUTE_INTS),
  );

function node(type: string, inputs: readonly string[], output: string, ...attributes: Bytes[]): Bytes {
  return message(
    GRAPH.node,
    ...inputs.map((name) => text(NODE.input, name)),
    text(NODE.output, output),
    text(NODE.opType, type),
    ...attributes,
  );
}

/** A scalar constant. */
function scalar(name: string, value: number): Bytes {
  const bytes = new Uint8Array(new Float32Array([value]).buffer);
  return message(
    GRAPH.initializer,
    integer(TENSOR.dataType, FLOAT),
    message(TENSOR.floatData, [...bytes]),
    text(TENSOR.name, name),
  );
}

/** An input or output: float32 with named axes, of any size. */
function value(field: number, name: string, axes: readonly string[]): Bytes {
  const shape = message(2, ...axes.map((axis) => message(1, text(2, axis))));
  return message(field, text(1, name), message(2, message(1, integer(1, FLOAT), shape)));
}

function model(opset: number, axes: (positions: string) => string[], ...parts: Bytes[]): Uint8Array {
  const graph = message(
    MODEL.graph,
    ...parts,
    text(GRAPH.name, 'attention'),
    value(GRAPH.input, 'q', axes('queries')),
    value(GRAPH.input, 'k', axes('keys')),
    value(GRAPH.input, 'v', axes('keys')),
    value(GRAPH.output, 'out', axes('queries')),
  );
  const domain = (name: string, version: number) =>
    message(MODEL.opset, text(OPSET.domain, name), integer(OPSET.version, version));
  return Uint8Array.from([
    ...integer(MODEL.irVersion, 10),
    ...graph,
    ...domain('', opset),
    ...domain('com.microsoft', 1),
  ]);
}

const byHeads = (positions: string) => ['batch', 'heads', positions, 'columns'];
const byPositions = (positions: string) => ['batch', positions, 'columns of all heads'];

/** As exporters write it, as onnxruntime's fused operator, and as the operator of ONNX 23. The scale is 1/sqrt(d) in each. */
export const attentionGraphs: readonly AttentionGraph[] = [
  {
    name: 'MatMul-Softmax-MatMul',
    layout: 'bhnd',
    model: (_, d) =>
      model(
        17,
        byHeads,
        node('Transpose', ['k'], 'transposed', integersAttribute('perm', [0, 1, 3, 2])),
        node('MatMul', ['q', 'transposed'], 'products'),
        node('Mul', ['products', 'scale'], 'logits'),
        node('Softmax', ['logits'], 'weights', integerAttribute('axis', 3)),
        node('MatMul', ['weights', 'v'], 'out'),
        scalar('scale', 1 / Math.sqrt(d)),
      ),
  },
  {
    name: 'MultiHeadAttention',
    layout: 'bnd',
    model: (heads) =>
      model(
        17,
        byPositions,
        node(
          'MultiHeadAttention',
          ['q', 'k', 'v'],
          'out',
          integerAttribute('num_heads', heads),
          text(NODE.domain, 'com.microsoft'),
        ),
      ),
  },
  {
    name: 'Attention',
    layout: 'bhnd',
    model: () => model(23, byHeads, node('Attention', ['q', 'k', 'v'], 'out')),
  },
];
