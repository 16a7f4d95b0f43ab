// A map of a few cells, enlarged smoothly: cubic B-splines, so that no cell is seen.

// map: rows of values; xs, ys: where to read it, 0 to 1 from edge to edge. Gives ys.length rows of
// xs.length values, scaled so that the largest is 1 where the map's is.
export function enlarge(map, xs, ys) {
  const [across, down] = [xs.map((x) => taps(x, map[0].length)), ys.map((y) => taps(y, map.length))];
  const narrow = map.map((row) => across.map((one) => mixed(one, (at) => row[at])));
  const values = new Float32Array(xs.length * ys.length);
  down.forEach((one, y) => {
    for (let x = 0; x < xs.length; x++) values[y * xs.length + x] = mixed(one, (at) => narrow[at][x]);
  });
  return scaled(values, map);
}

const mixed = (taps, value) => taps.reduce((sum, [at, weight]) => sum + weight * value(at), 0);

// The four cells around a place, and their weights; the edge's cells go on beyond it.
function taps(place, cells) {
  const at = place * cells - 0.5;
  const first = Math.floor(at);
  const t = at - first;
  const weights = [(1 - t) ** 3, 3 * t ** 3 - 6 * t ** 2 + 4, -3 * t ** 3 + 3 * t ** 2 + 3 * t + 1, t ** 3];
  return weights.map((weight, n) => [Math.min(cells - 1, Math.max(0, first - 1 + n)), weight / 6]);
}

// Splines smooth peaks away: the brightest place is as bright as the map's.
function scaled(values, map) {
  const most = Math.max(...values);
  const factor = most > 0 ? Math.max(...map.flat()) / most : 0;
  return values.map((value) => value * factor);
}
