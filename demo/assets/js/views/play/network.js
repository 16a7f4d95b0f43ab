// A fully connected network with one output, and its gradients by backpropagation.

import { normal } from "./random.js";

// What each does, and its slope, told by what it gave.
const ACTIVATIONS = {
  relu: { of: (sum) => (sum > 0 ? sum : 0), slope: (value) => (value > 0 ? 1 : 0) },
  tanh: { of: Math.tanh, slope: (value) => 1 - value * value },
  sigmoid: { of: sigmoid, slope: (value) => value * (1 - value) },
  linear: { of: (sum) => sum, slope: () => 1 },
};

export function sigmoid(sum) {
  return 1 / (1 + Math.exp(-sum));
}

// The cross-entropy of a class, 0 or 1, if its probability is sigmoid(logit).
export function crossEntropy(logit, label) {
  return Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)));
}

export class Network {
  // sizes: of the inputs, of each hidden layer, and 1. All weights and biases lie in one array: layer
  // by layer, first the weights, unit by unit, then the biases.
  constructor(sizes, activation) {
    this.sizes = sizes;
    this.activation = ACTIVATIONS[activation];
    this.layers = [];
    let length = 0;
    for (let index = 1; index < sizes.length; index += 1) {
      const [inputs, units] = sizes.slice(index - 1, index + 1);
      this.layers.push({ inputs, units, weights: length, biases: length + inputs * units });
      length += (inputs + 1) * units;
    }
    this.parameters = new Float64Array(length);
    this.gradient = new Float64Array(length);
    this.values = sizes.map((size) => new Float64Array(size)); // the last is the logit
    this.errors = sizes.map((size) => new Float64Array(size));
  }

  // Weights of a deviation that keeps the size of what goes through (Glorot); biases 0.
  initialise(random) {
    const draw = normal(random);
    for (const { inputs, units, weights, biases } of this.layers) {
      const deviation = Math.sqrt(2 / (inputs + units));
      for (let at = weights; at < biases; at += 1) this.parameters[at] = deviation * draw();
    }
    return this;
  }

  weight(layer, unit, input) {
    const { inputs, weights } = this.layers[layer];
    return this.parameters[weights + unit * inputs + input];
  }

  bias(layer, unit) {
    return this.parameters[this.layers[layer].biases + unit];
  }

  // The logit for one point; what each unit gave is in `values` afterwards.
  forward(inputs) {
    this.values[0].set(inputs);
    const last = this.layers.length - 1;
    for (let index = 0; index <= last; index += 1) this.#through(index, index === last);
    return this.values[last + 1][0];
  }

  #through(index, isLast) {
    const { inputs, units, weights, biases } = this.layers[index];
    const { parameters, values } = this;
    const before = values[index];
    const after = values[index + 1];
    for (let unit = 0; unit < units; unit += 1) {
      let sum = parameters[biases + unit];
      const row = weights + unit * inputs;
      for (let input = 0; input < inputs; input += 1) sum += parameters[row + input] * before[input];
      after[unit] = isLast ? sum : this.activation.of(sum);
    }
  }

  // Add one point's share to the gradient, from the loss back; after `forward`.
  #backward(error) {
    this.errors.at(-1)[0] = error;
    for (let index = this.layers.length - 1; index >= 0; index -= 1) this.#back(this.layers[index], index);
  }

  #back({ inputs, units, weights, biases }, index) {
    const [before, below] = [this.values[index], this.errors[index]];
    below.fill(0);
    for (let unit = 0; unit < units; unit += 1) {
      const error = this.errors[index + 1][unit];
      const row = weights + unit * inputs;
      this.gradient[biases + unit] += error;
      for (let input = 0; input < inputs; input += 1) {
        this.gradient[row + input] += error * before[input];
        below[input] += error * this.parameters[row + input];
      }
    }
    if (!index) return; // the point itself: nothing learns there
    for (let input = 0; input < inputs; input += 1) below[input] *= this.activation.slope(before[input]);
  }

  // Fill `gradient` with that of the mean cross-entropy of a batch, and of l2 / 2 times the sum of
  // all squared weights (biases are free).
  differentiate(batch, l2 = 0) {
    this.gradient.fill(0);
    for (const { inputs, label } of batch) this.#backward((sigmoid(this.forward(inputs)) - label) / batch.length);
    if (!l2) return;
    for (const { weights, biases } of this.layers) {
      for (let at = weights; at < biases; at += 1) this.gradient[at] += l2 * this.parameters[at];
    }
  }

  // The mean cross-entropy of some points, and the share of them on the right side.
  evaluate(points) {
    let [loss, right] = [0, 0];
    for (const { inputs, label } of points) {
      const logit = this.forward(inputs);
      loss += crossEntropy(logit, label);
      right += (logit > 0) === (label === 1);
    }
    return { loss: loss / points.length, right: right / points.length };
  }
}
