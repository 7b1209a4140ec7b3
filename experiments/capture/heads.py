"""What all capture scripts share: taking queries, keys and values out of a model as it runs, and writing them as safetensors."""

import os

import numpy as np
from safetensors.numpy import save_file


def write(path, tensors, **metadata):
    """Writes float32 tensors [heads, rows, d] to a temporary name, then renames."""
    part = f"{path}.part"
    arrays = {name: np.ascontiguousarray(array, dtype="<f4") for name, array in tensors.items()}
    save_file(arrays, part, metadata={key: str(value) for key, value in metadata.items()})
    os.replace(part, path)


def torch_attention(model, take):
    """Calls take(layer, module, q, k, v, scale), each [1, heads, n, d], whenever an attention of a transformers model runs."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    def attention(module, query, key, value, attention_mask, scaling=None, **options):
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        take(attention.calls, module, query, key, value, scale)
        attention.calls += 1
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)

    attention.calls = 0
    ALL_ATTENTION_FUNCTIONS.register("capture", attention)
    model.config._attn_implementation = "capture"


def onnx_attention(model):
    """Names of (q, k transposed, v, out) of each out = softmax(q k^T) v in an ONNX graph, in order; each becomes an output of the graph."""
    import onnx

    graph = model.graph
    maker = {name: node for node in graph.node for name in node.output}
    users = {name: node for node in graph.node for name in node.input}
    found = []
    for node in graph.node:
        if node.op_type != "Softmax":
            continue
        scores, product = maker[node.input[0]], users.get(node.output[0])
        if scores.op_type == "MatMul" and product is not None and product.op_type == "MatMul":
            found.append((scores.input[0], scores.input[1], product.input[1], product.output[0]))
    for name in {name for names in found for name in names}:
        graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    return found


def run_onnx(model, inputs):
    """The first output of an ONNX model, and q, k and v of each attention, [heads, n, d]; the scale is in them."""
    import onnxruntime

    names = onnx_attention(model)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    first = session.get_outputs()[0].name
    layers = []
    for names_of_layer in names:
        first_value, *heads = session.run([first, *names_of_layer], inputs)
        query, key, value, out = (array[0] for array in heads)
        check(query, key, value, out)
        layers.append((query, key.swapaxes(1, 2), value))
    return first_value, layers


def check(q, keys, v, out):
    """Attention of what was taken must be what the model computed."""
    scores = q @ keys
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    again = weights @ v / weights.sum(-1, keepdims=True)
    difference = np.abs(again - out).max() / np.abs(out).max()
    if not difference < 1e-4:
        raise ValueError(f"what was taken is not the model's attention: it differs by {difference}")
