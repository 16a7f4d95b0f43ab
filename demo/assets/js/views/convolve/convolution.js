// Convolution, pooling, and what follows from them. A plane is {width, height, values (row by row)},
// a kernel {size, weights (row by row), divisor, bias}. As in networks, the kernel isn't flipped.

const POOL = 2; // places a side, and the stride

export const outputSize = (size, kernel, stride, padding) =>
  Math.max(0, Math.floor((size + 2 * padding - kernel) / stride) + 1);

// What a kernel makes of a plane; what lies outside the plane is 0.
export function convolve(plane, kernel, { stride = 1, padding = 0 } = {}) {
  const width = outputSize(plane.width, kernel.size, stride, padding);
  const height = outputSize(plane.height, kernel.size, stride, padding);
  const values = new Float64Array(width * height);
  for (let at = 0, row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const sum = weighted(plane, kernel, row * stride - padding, column * stride - padding);
      values[at++] = sum / kernel.divisor + kernel.bias;
    }
  }
  return { width, height, values };
}

function weighted({ width, height, values }, { size, weights }, top, left) {
  let sum = 0;
  for (let down = Math.max(0, -top); down < size && top + down < height; down++) {
    const start = (top + down) * width + left;
    for (let right = Math.max(0, -left); right < size && left + right < width; right++) {
      sum += weights[down * size + right] * values[start + right];
    }
  }
  return sum;
}

// The products that one place of the output adds up: [{pixel, weight, product, inside}].
export function products(plane, kernel, { row, column }, { stride = 1, padding = 0 } = {}) {
  return Array.from(kernel.weights, (weight, at) => {
    const y = row * stride - padding + Math.floor(at / kernel.size);
    const x = column * stride - padding + (at % kernel.size);
    const inside = y >= 0 && y < plane.height && x >= 0 && x < plane.width;
    const pixel = inside ? plane.values[y * plane.width + x] : 0;
    return { pixel, weight, product: weight * pixel, inside };
  });
}

export const relu = ({ width, height, values }) => ({ width, height, values: values.map((one) => Math.max(0, one)) });

// The largest, or the mean, of each 2 x 2 places; what is left over at the edge falls away.
export function pool(plane, kind) {
  const width = outputSize(plane.width, POOL, POOL, 0);
  const height = outputSize(plane.height, POOL, POOL, 0);
  const values = new Float64Array(width * height);
  for (let at = 0; at < values.length; at++) {
    const first = Math.floor(at / width) * POOL * plane.width + (at % width) * POOL;
    const four = [first, first + 1, first + plane.width, first + plane.width + 1].map((one) => plane.values[one]);
    values[at] = kind === "max" ? Math.max(...four) : four.reduce((sum, one) => sum + one, 0) / four.length;
  }
  return { width, height, values };
}

// The one kernel that does what two do, one after the other.
export function chained(first, second) {
  const size = first.size + second.size - 1;
  const weights = new Array(size * size).fill(0);
  first.weights.forEach((one, a) => {
    second.weights.forEach((other, b) => {
      const row = Math.floor(a / first.size) + Math.floor(b / second.size);
      weights[row * size + (a % first.size) + (b % second.size)] += one * other;
    });
  });
  const bias = (first.bias * total(second)) / second.divisor + second.bias;
  return { size, weights, divisor: first.divisor * second.divisor, bias };
}

export const total = ({ weights }) => weights.reduce((sum, one) => sum + one, 0);

export const difference = (one, other) => ({ ...one, values: one.values.map((value, at) => value - other.values[at]) });

// Convolution as a matrix: a row for each place of the output, a column for each pixel; in it which
// of the kernel's weights stands there, or -1 for a 0.
export function toeplitz(size, { width, height }, { stride = 1, padding = 0 } = {}) {
  const across = outputSize(width, size, stride, padding);
  const down = outputSize(height, size, stride, padding);
  const columns = width * height;
  const weightAt = new Int8Array(across * down * columns).fill(-1);
  for (let row = 0; row < across * down; row++) {
    for (let weight = 0; weight < size * size; weight++) {
      const y = Math.floor(row / across) * stride - padding + Math.floor(weight / size);
      const x = (row % across) * stride - padding + (weight % size);
      if (y >= 0 && y < height && x >= 0 && x < width) weightAt[row * columns + y * width + x] = weight;
    }
  }
  return { rows: across * down, columns, across, down, weightAt };
}

// The matrix with a kernel's weights, times a plane's pixels.
export function multiplied({ rows, columns, across, down, weightAt }, { weights, divisor, bias }, { values }) {
  const sums = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const weight = weightAt[row * columns + column];
      if (weight >= 0) sums[row] += weights[weight] * values[column];
    }
  }
  return { width: across, height: down, values: sums.map((sum) => sum / divisor + bias) };
}
