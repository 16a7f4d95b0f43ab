// The networks that are served, and those that could be, with what is known of each.

import { models } from "../../models.js";
import { read } from "../../service.js";

// All of them, the oldest first. Those that read digits look at no photographs.
export async function known(options) {
  const [{ sources }] = await Promise.all([read("sources", options), models.load(options)]);
  const served = models.all.filter((one) => one.content === "photographs");
  const names = served.map((one) => one.name);
  const here = [];
  for (const one of served) here.push(await withCard(one, names.filter((name) => name === one.name).length > 1, options));
  const missing = sources.filter((one) => !names.includes(one.name)).map((one) => ({ ...one, id: one.name, served: false }));
  return [...here, ...missing].sort(byAge);
}

async function withCard(one, isOneOfSeveral, options) {
  const { name, version, title } = one;
  const card = await read(`models/${encodeURIComponent(name)}?version=${encodeURIComponent(version)}`, options);
  const { parameters, multiply_adds, published, measured } = card;
  return {
    ...one,
    parameters,
    multiply_adds,
    published,
    measured: measured[0],
    served: true,
    id: isOneOfSeveral ? `${name}@${version}` : name,
    title: isOneOfSeveral ? `${title}, version ${version}` : title,
  };
}

const UNKNOWN = 9999; // a year after all others
const byAge = (one, other) => (one.year ?? UNKNOWN) - (other.year ?? UNKNOWN) || one.multiply_adds - other.multiply_adds;

// In which they are asked: who has the least to do first.
export const order = (networks) => [...networks].sort((one, other) => one.multiply_adds - other.multiply_adds);
