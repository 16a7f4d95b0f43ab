// One run: data, a network, and its epochs. The same settings always give the same run.

import { Network } from "./network.js";
import { optimiser } from "./optimisers.js";
import { points } from "./data.js";
import { shuffle, uniform } from "./random.js";

export class Training {
  constructor(settings) {
    this.settings = settings;
    Object.assign(this, points(settings));
    const sizes = [settings.inputs.length, ...settings.hidden, 1];
    this.random = uniform(settings.seed + 0x9e3779b9); // apart from the one that drew the points
    this.network = new Network(sizes, settings.activation).initialise(this.random);
    this.optimiser = optimiser(settings.optimiser, this.network.parameters.length);
    this.order = [...this.train];
    this.losses = []; // {train, test} of {loss, right}: before the first epoch, and after each
    this.steered = false;
    this.#evaluate();
  }

  // Go on with another rate, batch or l2: from here on it is a run of its own.
  steer(settings) {
    const learns = ({ rate, batch, l2 }) => String([rate, batch, l2]);
    this.steered ||= learns(settings) !== learns(this.settings);
    this.settings = settings;
  }

  get epoch() {
    return this.losses.length - 1;
  }

  // The last of these.
  get state() {
    return this.losses.at(-1);
  }

  // Every training point once, in batches.
  advance() {
    const { batch, rate, l2 } = this.settings;
    shuffle(this.order, this.random);
    for (let at = 0; at < this.order.length; at += batch) {
      this.network.differentiate(this.order.slice(at, at + batch), l2);
      this.optimiser.step(this.network.parameters, this.network.gradient, rate);
    }
    this.#evaluate();
  }

  #evaluate() {
    this.losses.push({ train: this.network.evaluate(this.train), test: this.network.evaluate(this.test) });
  }
}
