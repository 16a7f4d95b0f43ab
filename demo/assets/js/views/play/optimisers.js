// Three ways to take a step against the gradient, each as PyTorch does it.

const MOMENTUM = 0.9;
const [BETA_1, BETA_2, EPSILON] = [0.9, 0.999, 1e-8];

class Sgd {
  step(parameters, gradient, rate) {
    for (let at = 0; at < parameters.length; at += 1) parameters[at] -= rate * gradient[at];
  }
}

class Momentum {
  constructor(length) {
    this.velocity = new Float64Array(length);
  }

  step(parameters, gradient, rate) {
    for (let at = 0; at < parameters.length; at += 1) {
      this.velocity[at] = MOMENTUM * this.velocity[at] + gradient[at];
      parameters[at] -= rate * this.velocity[at];
    }
  }
}

class Adam {
  constructor(length) {
    this.mean = new Float64Array(length);
    this.square = new Float64Array(length);
    this.steps = 0;
  }

  step(parameters, gradient, rate) {
    this.steps += 1;
    const size = rate / (1 - BETA_1 ** this.steps);
    const scale = Math.sqrt(1 - BETA_2 ** this.steps);
    for (let at = 0; at < parameters.length; at += 1) {
      const slope = gradient[at];
      this.mean[at] += (1 - BETA_1) * (slope - this.mean[at]);
      this.square[at] += (1 - BETA_2) * (slope * slope - this.square[at]);
      parameters[at] -= (size * this.mean[at]) / (Math.sqrt(this.square[at]) / scale + EPSILON);
    }
  }
}

const OPTIMISERS = { sgd: Sgd, momentum: Momentum, adam: Adam };

// One for so many parameters: "sgd", "momentum" or "adam".
export const optimiser = (name, length) => new OPTIMISERS[name](length);
