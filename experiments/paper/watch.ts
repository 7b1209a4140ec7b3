/** The queries, keys and values of every layer of a trained model on test images. */
import { type ImageSet, prepareImage } from '../../src/vit/images.js';
import type { AttentionOperator, HeadsOfImage } from '../../src/vit/operator.js';
import { attentionOperator } from '../../src/vit/operators.js';
import type { Plan } from '../../src/vit/plan.js';
import { Vit } from '../../src/vit/vit.js';

/** Gives for image `index` of the set what each layer's attention was asked, with copies of its arrays. */
export function watch(
  plan: Plan,
  parameters: Float32Array,
  set: ImageSet,
): (index: number) => HeadsOfImage[] {
  const { model, attention, training } = plan;
  const own = attentionOperator(attention, training.seed);
  let layers: HeadsOfImage[] = [];
  const operator: AttentionOperator = {
    name: own.name,
    attend(heads) {
      layers.push({ ...heads, q: heads.q.slice(), k: heads.k.slice(), v: heads.v.slice() });
      return own.attend(heads);
    },
  };
  const vit = new Vit(model, operator, 1);
  vit.parameters.set(parameters);
  const pixels = new Float32Array(model.channels * model.image[0] * model.image[1]);
  return (index) => {
    layers = [];
    prepareImage(set, index, model, training, pixels);
    vit.forward(pixels, [index]);
    return layers;
  };
}
