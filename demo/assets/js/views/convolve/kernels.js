// The kernels that have a name, and how the address writes one.

const SIZE = 3;
const LARGEST = 999; // of a number that the visitor sets

const kernel = (weights, divisor = 1, bias = 0) => ({ size: SIZE, weights, divisor, bias });

export const KERNELS = {
  "edge-x": { title: "Vertical edges (Sobel)", ...kernel([-1, 0, 1, -2, 0, 2, -1, 0, 1]) },
  "edge-y": { title: "Horizontal edges (Sobel)", ...kernel([-1, -2, -1, 0, 0, 0, 1, 2, 1]) },
  laplacian: { title: "All edges (Laplacian)", ...kernel([0, 1, 0, 1, -4, 1, 0, 1, 0]) },
  sharpen: { title: "Sharpen", ...kernel([0, -1, 0, -1, 5, -1, 0, -1, 0]) },
  emboss: { title: "Emboss", ...kernel([-2, -1, 0, -1, 1, 1, 0, 1, 2]) },
  blur: { title: "Blur (mean)", ...kernel([1, 1, 1, 1, 1, 1, 1, 1, 1], 9) },
  gauss: { title: "Blur (Gaussian)", ...kernel([1, 2, 1, 2, 4, 2, 1, 2, 1], 16) },
  identity: { title: "Identity", ...kernel([0, 0, 0, 0, 1, 0, 0, 0, 0]) },
};

const numbers = ({ weights, divisor, bias }) => [...weights, divisor, bias];
const written = (one) => numbers(one).join("_");
const NAMES = new Map(Object.entries(KERNELS).map(([name, one]) => [written(one), name]));

// Its name, or its numbers where it has none.
export const nameOf = (one) => NAMES.get(written(one)) ?? written(one);

// The kernel of a name, or of numbers; null where it is neither.
export function named(name) {
  if (Object.hasOwn(KERNELS, name ?? "")) return kernel(...split(numbers(KERNELS[name])));
  const all = String(name ?? "").split("_").map((one) => (one === "" ? Number.NaN : Number(one)));
  const sound = all.length === SIZE * SIZE + 2 && all.every((one) => Math.abs(one) <= LARGEST) && all.at(-2) !== 0;
  return sound ? kernel(...split(all)) : null;
}

const split = (all) => [all.slice(0, -2), all.at(-2), all.at(-1)];

// A number that a visitor typed; null where it can't be used.
export function typed(text, isDivisor) {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) && Math.abs(value) <= LARGEST && !(isDivisor && value === 0) ? value : null;
}
