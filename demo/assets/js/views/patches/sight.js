// What a cell sees of the photo: its receptive field.

// Pixels of the network's input that one place of its last maps depends on: for each layer, from
// the first on, its kernel less one times the pixels between its inputs (arXiv:1603.07285, 5.5).
const FIELDS = { efficientnet_lite0: 851, resnet18: 435, resnet50: 427, wideresnet18: 339 };

// As [x, y, width, height] in shares of the grid; null where it isn't known.
// side: pixels of the network's input between two cells.
export function sight({ rows, columns }, { row, column }, architecture, side) {
  const field = FIELDS[architecture];
  if (!field) return null;
  const [left, right] = reach(column, columns, field / side);
  const [top, bottom] = reach(row, rows, field / side);
  return [left, top, right - left, bottom - top];
}

function reach(at, count, field) {
  const middle = at + 0.5;
  return [Math.max(0, (middle - field / 2) / count), Math.min(1, (middle + field / 2) / count)];
}

export function sentence(seen) {
  if (!seen) return "A cell looks at its own square and at what surrounds it.";
  const all = seen[2] > 0.999 && seen[3] > 0.999;
  return `This cell can see ${all ? "the whole picture" : "all within the outline"}, but listens mostly to its surroundings.`;
}
