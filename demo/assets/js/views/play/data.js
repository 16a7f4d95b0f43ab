// Four data sets in the plane, each of two classes, and what a network may be given of a point.

import { normal, shuffle, uniform } from "./random.js";

export const EDGE = 3; // the plane reaches from -EDGE to EDGE, both ways
export const COUNT = 300; // points, those for training and those for the test

// Each gives one point of a class, before the noise; half of either class has the other sign.
const SETS = {
  xor(label, random, sign) {
    const [x, y] = [0, 0].map(() => 0.15 + random() * (0.92 * EDGE - 0.15));
    return [sign * x, (label ? sign : -sign) * y];
  },
  circle(label, random) {
    const radius = label ? 1.35 * Math.sqrt(random()) : 1.9 + 0.8 * random();
    const angle = 2 * Math.PI * random();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  },
  gaussians(label, random) {
    const draw = normal(random);
    const centre = label ? 1.2 : -1.2;
    return [centre + 0.55 * draw(), centre + 0.55 * draw()];
  },
  spiral(label, random) {
    const along = random();
    const angle = 1.75 * 2 * Math.PI * along + (label ? 0 : Math.PI);
    const radius = 0.12 + 2.6 * along;
    return [radius * Math.sin(angle), radius * Math.cos(angle)];
  },
};

export const INPUTS = {
  x1: { name: "x₁", of: (x) => x },
  x2: { name: "x₂", of: (x, y) => y },
  x1x1: { name: "x₁²", of: (x) => x * x },
  x2x2: { name: "x₂²", of: (x, y) => y * y },
  x1x2: { name: "x₁x₂", of: (x, y) => x * y },
  sin1: { name: "sin x₁", of: (x) => Math.sin(x) },
  sin2: { name: "sin x₂", of: (x, y) => Math.sin(y) },
};

const inside = (value) => Math.min(EDGE, Math.max(-EDGE, value));

// Points {x, y, label (0 or 1), inputs}: settings are data, noise (the deviation, in percent of the
// plane's unit), share (percent that trains), seed and inputs (names of INPUTS).
export function points({ data, noise, share, seed, inputs }) {
  const random = uniform(seed);
  const draw = normal(random);
  const all = Array.from({ length: COUNT }, (_, index) => {
    const label = index % 2;
    const sign = index % 4 < 2 ? 1 : -1;
    const [x, y] = SETS[data](label, random, sign).map((value) => inside(value + (noise / 100) * draw()));
    return { x, y, label, inputs: Float64Array.from(inputs, (name) => INPUTS[name].of(x, y)) };
  });
  shuffle(all, random);
  const trained = Math.round((COUNT * share) / 100);
  return { train: all.slice(0, trained), test: all.slice(trained) };
}
