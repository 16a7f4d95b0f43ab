// Where a region's name is written, and how large: in the rectangle of its cells that holds it best.

const LARGEST = 20;
const SMALLEST = 11;
const LINE = 1.14; // height of a line, in ems
const MARGIN = 7;
export const FONT = "system-ui, sans-serif";
export const WEIGHT = 650;

// Give [{text lines, size, x, y, width, height}] in cells for each region that has room.
// region: a number for each cell; nameOf(cell): what is written there; cell: {width, height} in
// pixels; context: measures text.
export function captions(region, columns, nameOf, cell, context) {
  const best = new Map();
  const shapes = new Map();
  const shapesOf = (name) => {
    if (!shapes.has(name)) shapes.set(name, wrapped(name, context));
    return shapes.get(name);
  };
  for (const one of rectangles(region, columns)) {
    const name = nameOf(one.at);
    if (!name) continue;
    const fit = fitted(shapesOf(name), one.width * cell.width, one.height * cell.height);
    const score = fit.size * 1e6 + one.width * one.height;
    if (fit.size >= SMALLEST && score > (best.get(one.region)?.score ?? 0)) best.set(one.region, { ...one, ...fit, score });
  }
  return [...best.values()];
}

// All largest rectangles of cells of one region: for each row, how far up the region reaches from
// each cell, and the widest stretch of each height (as for the largest rectangle in a histogram).
function* rectangles(region, columns) {
  const up = new Int32Array(columns);
  for (let start = 0; start < region.length; start += columns) {
    const row = start / columns;
    for (let column = 0; column < columns; column++) {
      const at = start + column;
      up[column] = row && region[at] === region[at - columns] ? up[column] + 1 : 1;
    }
    yield* stretches(region, start, up);
  }
}

function* stretches(region, start, up) {
  const columns = up.length;
  const open = []; // [column where it starts, height], ever higher
  for (let column = 0; column <= columns; column++) {
    const same = column > 0 && column < columns && region[start + column] === region[start + column - 1];
    const height = same ? up[column] : 0;
    let left = column;
    while (open.length && open.at(-1)[1] >= height) {
      const [from, high] = open.pop();
      left = same ? from : column;
      const at = start + from;
      yield { region: region[at], at, column: from, row: start / columns - high + 1, width: column - from, height: high };
    }
    if (column < columns) open.push([left, up[column]]);
  }
}

// The name in one, two and three lines: [{lines, width in ems}].
function wrapped(name, context) {
  context.font = `${WEIGHT} 100px ${FONT}`;
  const words = name.split(/\s+/);
  const widthOf = (line) => context.measureText(line).width / 100;
  return splits(words, 3).map((lines) => ({ lines, width: Math.max(...lines.map(widthOf)) }));
}

function splits(words, most) {
  const whole = [[words.join(" ")]];
  if (most === 1) return whole;
  for (let cut = 1; cut < words.length; cut++) {
    for (const rest of splits(words.slice(cut), most - 1)) whole.push([words.slice(0, cut).join(" "), ...rest]);
  }
  return whole;
}

function fitted(shapes, width, height) {
  let best = { size: 0 };
  for (const { lines, width: ems } of shapes) {
    const size = Math.min(LARGEST, (width - 2 * MARGIN) / ems, (height - MARGIN) / (lines.length * LINE));
    if (size > best.size) best = { lines, size, line: size * LINE };
  }
  return best;
}
