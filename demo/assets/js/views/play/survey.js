// What every unit of a network gives over the whole plane, on a grid of cells.

import { EDGE, INPUTS } from "./data.js";
import { sigmoid } from "./network.js";

export class Survey {
  // side: cells along either side; the first row is the plane's uppermost.
  constructor(inputs, side) {
    this.side = side;
    const place = (cell) => EDGE * ((2 * (cell + 0.5)) / side - 1);
    this.cells = Array.from({ length: side * side }, (_, at) => {
      const [x, y] = [place(at % side), -place(Math.floor(at / side))];
      return Float64Array.from(inputs, (name) => INPUTS[name].of(x, y));
    });
  }

  // For each layer, the inputs first and the output last, for each unit a grid of -1 to 1: what it
  // gives, beside the most that it gives anywhere; the output from one class to the other.
  of(network) {
    const grids = network.sizes.map((size) => Array.from({ length: size }, () => new Float32Array(this.cells.length)));
    for (let at = 0; at < this.cells.length; at += 1) {
      network.forward(this.cells[at]);
      keep(network.values, grids, at);
    }
    for (const grid of grids.slice(0, -1).flat()) level(grid);
    const [output] = grids.at(-1);
    for (let at = 0; at < output.length; at += 1) output[at] = 2 * sigmoid(output[at]) - 1;
    return grids;
  }
}

function keep(values, grids, at) {
  for (let layer = 0; layer < values.length; layer += 1) {
    for (let unit = 0; unit < values[layer].length; unit += 1) grids[layer][unit][at] = values[layer][unit];
  }
}

function level(grid) {
  let most = 0;
  for (let at = 0; at < grid.length; at += 1) most = Math.max(most, Math.abs(grid[at]));
  if (!most) return;
  for (let at = 0; at < grid.length; at += 1) grid[at] /= most;
}

// Where a grid changes its sign: line segments [x, y, x, y], in cells (marching squares).
export function boundary(grid, side) {
  const segments = [];
  for (let row = 0; row + 1 < side; row += 1) {
    for (let column = 0; column + 1 < side; column += 1) segments.push(...crossing(grid, side, row, column));
  }
  return segments;
}

// The corners of a cell's square, one after the other, from the upper left on.
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

function crossing(grid, side, row, column) {
  const value = CORNERS.map(([x, y]) => grid[(row + y) * side + column + x]);
  const found = [];
  CORNERS.forEach(([x, y], corner) => {
    const next = (corner + 1) % 4;
    if (value[corner] > 0 === value[next] > 0) return;
    const along = value[corner] / (value[corner] - value[next]);
    const [nextX, nextY] = CORNERS[next];
    found.push(column + x + along * (nextX - x), row + y + along * (nextY - y));
  });
  return found.length === 8 ? [found.slice(0, 4), found.slice(4)] : found.length ? [found] : [];
}
