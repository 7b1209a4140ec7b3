/** A training step of the library, and what is common to all who make one. */
import { normOf, rateAt } from '../src/vit/adamw.js';
import type { AttentionChoice } from '../src/vit/operators.js';
import { type Plan, trainingPlan } from '../src/vit/plan.js';
import { initialState, Trainer } from '../src/vit/trainer.js';
import { type Contestant, type Prepared, timed } from './measure.js';
import type { FirstStep, TrainingData } from './training-data.js';

/** What AdamW needs to know of a step. */
export interface StepNumbers {
  readonly rate: number;
  /** 1 / (1 - beta^step). */
  readonly unbias1: number;
  readonly unbias2: number;
}

/** Steps under the clock; what the first one found is the result. */
export async function measuredSteps(
  plan: Plan,
  step: (numbers: StepNumbers) => Promise<FirstStep>,
  close?: () => Promise<void>,
): Promise<Prepared<FirstStep>> {
  const { rate, warmup, beta1, beta2, images, batch } = plan.training;
  const steps = images / batch;
  let done = 0;
  const next = () => {
    const count = done + 1;
    const numbers = {
      rate: rateAt(done, rate, warmup, steps),
      unbias1: 1 / (1 - beta1 ** count),
      unbias2: 1 / (1 - beta2 ** count),
    };
    done = count;
    return step(numbers);
  };
  const first = await next();
  return {
    async run() {
      const { milliseconds } = await timed(next);
      return { laps: { 'an image': milliseconds / batch }, result: () => first };
    },
    close,
  };
}

/** With any attention. */
export function ownTraining(data: TrainingData, what: string, attention: unknown): Contestant<FirstStep> {
  return {
    name: `levattention, ${what}`,
    threads: 1,
    async prepare() {
      const { model, training, data: noise } = data.plan;
      const plan = trainingPlan({ data: noise, model, attention: attention as AttentionChoice, training });
      const state = { ...initialState(plan), parameters: data.parameters };
      const trainer = new Trainer(plan, { train: data.set, test: data.set }, state);
      return measuredSteps(
        plan,
        async () => {
          const { loss } = await trainer.step();
          return { loss: loss / training.batch, norm: normOf(trainer.total) };
        },
        () => trainer.close(),
      );
    },
  };
}
