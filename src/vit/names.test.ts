/** Files of others: the tensors of timm written down, and those of other architectures refused by their names. */
import { expect, test } from 'vitest';
import { type ArrayToWrite, openTensors, writeSafetensors } from '../io/index.js';
import { loadVit, writeWeights } from './checkpoint.js';
import { namedTensors } from './names.js';
import { fillNormal } from './testing.js';

/** The state dict of timm's VisionTransformer(img_size=4, patch_size=2, in_chans=1, num_classes=3, embed_dim=8, depth=1, num_heads=2, mlp_ratio=2). */
const TIMM: Readonly<Record<string, readonly number[]>> = {
  cls_token: [1, 1, 8],
  pos_embed: [1, 5, 8],
  'patch_embed.proj.weight': [8, 1, 2, 2],
  'patch_embed.proj.bias': [8],
  'blocks.0.norm1.weight': [8],
  'blocks.0.norm1.bias': [8],
  'blocks.0.attn.qkv.weight': [24, 8],
  'blocks.0.attn.qkv.bias': [24],
  'blocks.0.attn.proj.weight': [8, 8],
  'blocks.0.attn.proj.bias': [8],
  'blocks.0.norm2.weight': [8],
  'blocks.0.norm2.bias': [8],
  'blocks.0.mlp.fc1.weight': [16, 8],
  'blocks.0.mlp.fc1.bias': [16],
  'blocks.0.mlp.fc2.weight': [8, 16],
  'blocks.0.mlp.fc2.bias': [8],
  'norm.weight': [8],
  'norm.bias': [8],
  'head.weight': [3, 8],
  'head.bias': [3],
};

const tensorsOf = (shapes: Readonly<Record<string, readonly number[]>>): Record<string, ArrayToWrite> =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape], seed) => {
      const size = shape.reduce((a, b) => a * b);
      return [name, { data: fillNormal(new Float32Array(size), seed) as Float32Array, shape }];
    }),
  );

const theirs = tensorsOf(TIMM);

test('the tensors of timm are read, and written again, under its names', async () => {
  const { plan, parameters } = await loadVit(writeSafetensors(theirs), { heads: 2 });
  expect(plan.model).toMatchObject({
    image: [4, 4],
    channels: 1,
    patch: 2,
    width: 8,
    depth: 1,
    heads: 2,
    hidden: 16,
    classes: 3,
    epsilon: 1e-6,
  });
  const written = await openTensors(writeWeights(plan, parameters, 'timm'));
  expect([...written.names].sort()).toEqual(Object.keys(TIMM).sort());
  for (const [name, shape] of Object.entries(TIMM)) {
    const tensor = await written.open(name);
    expect([name, tensor.shape]).toEqual([name, shape]);
    expect([name, tensor.read().data]).toEqual([name, theirs[name].data]);
  }
});

test('tensors that other architectures have are refused by their names, others are left', async () => {
  const { plan, parameters } = await loadVit(writeSafetensors(theirs), { heads: 2 });
  const files = { timm: theirs, huggingface: namedTensors(plan.model, parameters, 'huggingface') };
  const load = (naming: 'timm' | 'huggingface', more: string) =>
    loadVit(writeSafetensors({ ...files[naming], ...tensorsOf({ [more]: [8] }) }), { heads: 2 });
  const refused = [
    ['timm', 'blocks.0.ls1.gamma'],
    ['timm', 'blocks.0.attn.q_norm.weight'],
    ['timm', 'norm_pre.weight'],
    ['timm', 'pre_logits.fc.weight'],
    ['timm', 'dist_token'],
    ['timm', 'reg_token'],
    ['huggingface', 'vit.encoder.layer.0.layer_scale1.lambda1'],
    ['huggingface', 'vit.encoder.layer.0.attention.attention.query.lora_A.weight'],
    ['huggingface', 'vit.embeddings.distillation_token'],
  ] as const;
  for (const [naming, name] of refused)
    await expect(load(naming, name)).rejects.toThrow(
      `loadVit: the model must have no tensor ${name}, which a plain vision transformer does not have`,
    );
  const left = [
    ['timm', 'adamw.first.cls_token'],
    ['huggingface', 'adamw.second.vit.embeddings.cls_token'],
    ['huggingface', 'vit.pooler.dense.weight'],
    ['huggingface', 'vit.embeddings.mask_token'],
    ['huggingface', 'decoder.0.weight'],
  ] as const;
  for (const [naming, name] of left) expect((await load(naming, name)).parameters).toEqual(parameters);
});

test('a file of very many tensors is refused by the first that no such model has', async () => {
  const more = Array.from({ length: 150_000 }, (_, i) => [
    `z${i}`,
    { data: new Float32Array(1), shape: [1] },
  ]);
  await expect(
    loadVit(writeSafetensors({ ...theirs, ...Object.fromEntries(more) }), { heads: 2 }),
  ).rejects.toThrow(/^loadVit: the model must have no tensor z\d+, /);
});

test('images that are not square, or have more tokens than patches, are refused where no size is given', async () => {
  const shapes = { ...TIMM, pos_embed: [1, 7, 8] };
  await expect(loadVit(writeSafetensors(tensorsOf(shapes)), { heads: 2 })).rejects.toThrow(
    'loadVit: positions must be those of a class token and a square image where no image size is given, got 7 of them',
  );
  const { plan } = await loadVit(writeSafetensors(tensorsOf(shapes)), { heads: 2, image: [4, 6] });
  expect(plan.model.image).toEqual([4, 6]);
});
