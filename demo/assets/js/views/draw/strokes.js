// A drawing as data: strokes of points on a board of 1000 by 1000, the pen's width, the noise.
// Nothing here is changed in place: each edit gives another drawing.

export const BOARD = 1000;
export const PEN = 90; // 2.5 of the 28 pixels
export const EMPTY = { strokes: [], pen: PEN, noise: 0 };

const THINNEST = 36;
const THICKEST = 216;
const NOISIEST = 8; // steps
const FINE = 4; // how far a point may lie off the line that replaces it
const EDGE = 148; // a drawing may be pushed so far over the edge; two digits of base 36 hold 1296

// The box of all points: {left, top, width, height}; null where there are none.
export function box(strokes) {
  const points = strokes.flat();
  if (!points.length) return null;
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return { left, top, width: Math.max(...xs) - left, height: Math.max(...ys) - top };
}

const moved = (strokes, by) => strokes.map((stroke) => stroke.map(([x, y]) => by(x, y).map(Math.round)));

export const shifted = (drawing, right, down) => ({
  ...drawing,
  strokes: moved(drawing.strokes, (x, y) => [x + right, y + down]),
});

// Around the middle of what is drawn: two columns of a matrix, what becomes of (1, 0) and of (0, 1).
function mapped(drawing, [xx, xy], [yx, yy]) {
  const around = box(drawing.strokes);
  if (!around) return drawing;
  const [cx, cy] = [around.left + around.width / 2, around.top + around.height / 2];
  const by = (x, y) => [cx + (x - cx) * xx + (y - cy) * yx, cy + (x - cx) * xy + (y - cy) * yy];
  return { ...drawing, strokes: moved(drawing.strokes, by) };
}

export const squeezed = (drawing, across, down) => mapped(drawing, [across, 0], [0, down]);

export const slanted = (drawing, by) => mapped(drawing, [1, 0], [-by, 1]);

export function turned(drawing, degrees) {
  const [cosine, sine] = [Math.cos, Math.sin].map((of) => of((degrees * Math.PI) / 180));
  return mapped(drawing, [cosine, sine], [-sine, cosine]);
}

const within = (number, least, most) => Math.min(Math.max(number, least), most);

// With a pen and a noise that there are.
export const sound = (drawing) => ({
  ...drawing,
  pen: within(drawing.pen, THINNEST, THICKEST),
  noise: within(drawing.noise, 0, NOISIEST),
});

export const redrawn = (drawing, by) => sound({ ...drawing, pen: drawing.pen + by });

export const noisier = (drawing) => sound({ ...drawing, noise: drawing.noise + 1 });

// Without the points that a line through the others does not need (Ramer, Douglas and Peucker).
export function simplified(points) {
  if (points.length < 3) return points;
  const [first, last] = [points[0], points.at(-1)];
  let [farthest, at] = [0, 0];
  for (let place = 1; place < points.length - 1; place += 1) {
    const off = distance(points[place], first, last);
    if (off > farthest) [farthest, at] = [off, place];
  }
  if (farthest <= FINE) return [first, last];
  return [...simplified(points.slice(0, at + 1)).slice(0, -1), ...simplified(points.slice(at))];
}

function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = within(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

// A smooth line through all points of a stroke (Catmull and Rom), onto a canvas; a point twice in a
// row is a corner.
export function trace(context, stroke) {
  const at = (place) => stroke[within(place, 0, stroke.length - 1)];
  context.moveTo(...stroke[0]);
  if (stroke.length === 1) context.lineTo(...stroke[0]);
  for (let place = 0; place < stroke.length - 1; place += 1) {
    const [before, from, to, after] = [-1, 0, 1, 2].map((step) => at(place + step));
    const out = [0, 1].map((axis) => from[axis] + (to[axis] - before[axis]) / 6);
    const into = [0, 1].map((axis) => to[axis] - (after[axis] - from[axis]) / 6);
    context.bezierCurveTo(...out, ...into, ...to);
  }
}

// The same line as the path of an SVG.
export function outline(strokes) {
  const path = [];
  const command = (letter) => (...numbers) => path.push(letter + numbers.map((one) => Math.round(one)).join(" "));
  const pen = { moveTo: command("M"), lineTo: command("L"), bezierCurveTo: command("C") };
  for (const stroke of strokes) trace(pen, stroke);
  return path.join("");
}

// As text for an address: four characters a point, a dot between strokes.
export const written = (strokes) =>
  strokes.map((stroke) => stroke.flatMap((point) => point.map(coordinate)).join("")).join(".");

const coordinate = (number) =>
  within(number + EDGE, 0, 36 ** 2 - 1).toString(36).padStart(2, "0");

// The strokes of such a text; none where it is something else.
export function read(text) {
  if (!/^([0-9a-z]{4})+(\.([0-9a-z]{4})+)*$/.test(text)) return [];
  return text.split(".").map((stroke) =>
    stroke.match(/.{4}/g).map((point) => [point.slice(0, 2), point.slice(2)].map((one) => Number.parseInt(one, 36) - EDGE)),
  );
}
