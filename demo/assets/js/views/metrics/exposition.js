// Prometheus' text format, and what can be said of two readings of it.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

// [{name, labels, value}] of a text.
export function parse(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    const found = !line.startsWith("#") && LINE.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] ?? "").matchAll(LABEL)) labels[name] = value.replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one));
    samples.push({ name: found[1], labels, value: Number(found[3]) });
  }
  return samples;
}

export class Reading {
  constructor(text, time) {
    this.time = time; // in seconds
    this.samples = Map.groupBy(parse(text), (one) => one.name);
  }

  all(name, labels = {}) {
    const wanted = Object.entries(labels);
    return (this.samples.get(name) ?? []).filter((one) => wanted.every(([key, value]) => one.labels[key] === value));
  }

  sum(name, labels) {
    return this.all(name, labels).reduce((sum, one) => sum + one.value, 0);
  }

  // From each value of a label to the sum of its samples.
  by(name, label) {
    const sums = new Map();
    for (const one of this.all(name)) sums.set(one.labels[label], (sums.get(one.labels[label]) ?? 0) + one.value);
    return sums;
  }
}

// What a counter rose by a second; 0 after a restart, when it begins anew.
export function rate(before, now, name, labels) {
  const seconds = now.time - before.time;
  return seconds > 0 ? Math.max(0, now.sum(name, labels) - before.sum(name, labels)) / seconds : 0;
}

// Quantiles of a histogram between two readings (`before` null: since the start), as Prometheus'
// histogram_quantile has it: linear within a bucket. null where nothing was observed.
export function quantiles(before, now, name, labels, wanted) {
  const buckets = new Map();
  for (const [reading, sign] of [[now, 1], ...(before ? [[before, -1]] : [])]) {
    for (const one of reading.all(`${name}_bucket`, labels)) {
      const bound = one.labels.le === "+Inf" ? Infinity : Number(one.labels.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + sign * one.value);
    }
  }
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  return wanted.map((share) => (total > 0 ? within(sorted, share * total) : null));
}

function within(buckets, rank) {
  let [below, lower] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank) return bound === Infinity ? lower : lower + ((bound - lower) * (rank - below)) / Math.max(count - below, 1e-9);
    [below, lower] = [count, bound];
  }
  return lower;
}
