// What lies near what: features as directions, the distance between two the cosine's.

export const NEAREST = 5;
const CLOSEST = 1e-4; // what is as good as the same photo may not weigh all the others to nothing

// The direction of some numbers; all zeros stay.
export function direction(numbers) {
  let sum = 0;
  for (const one of numbers) sum += one * one;
  const length = Math.sqrt(sum) || 1;
  return Float32Array.from(numbers, (one) => one / length);
}

export function distance(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) sum += one[index] * other[index];
  return Math.max(0, 1 - sum);
}

// The nearest of many directions, the nearest first: [{index, distance}].
export function nearest(one, many, count = NEAREST) {
  return many
    .map((other, index) => ({ index, distance: distance(one, other) }))
    .sort((a, b) => a.distance - b.distance || a.index - b.index)
    .slice(0, count);
}

// Where a newcomer lies: the mean of its neighbours' positions, each weighted by one over its
// squared distance.
export function between(neighbours, positions) {
  let [x, y, all] = [0, 0, 0];
  for (const { index, distance: away } of neighbours) {
    const weight = 1 / Math.max(away, CLOSEST) ** 2;
    x += weight * positions[index][0];
    y += weight * positions[index][1];
    all += weight;
  }
  return [x / all, y / all];
}
