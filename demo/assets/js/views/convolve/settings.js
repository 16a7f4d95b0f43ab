// What a visitor can set, as the address writes it.

import { named, nameOf } from "./kernels.js";

// The first of each is what it is unless it is set.
const CHOICES = {
  show: ["slide", "stack", "share"],
  pixels: ["grey", "red", "green", "blue", "colour"],
  stride: ["1", "2", "3"],
  padding: ["none", "zero"],
  activation: ["none", "relu"],
  pooling: ["none", "max", "mean"],
};
const NUMBERS = { size: [32, 8, 64], speed: [4, 0, 10], wipe: [45, 0, 100] }; // usual, least, most
const KERNELS = { kernel: "edge-x", second: "gauss" };

// get(name): the address' text of it, or null.
export function read(get) {
  const settings = {};
  for (const [name, choices] of Object.entries(CHOICES)) settings[name] = choices.includes(get(name)) ? get(name) : choices[0];
  for (const [name, [usual, least, most]] of Object.entries(NUMBERS)) settings[name] = whole(get(name), usual, least, most);
  for (const [name, usual] of Object.entries(KERNELS)) settings[name] = named(get(name)) ?? named(usual);
  const at = /^(\d{1,2})_(\d{1,2})$/.exec(get("at") ?? "");
  settings.at = at ? { row: Number(at[1]), column: Number(at[2]) } : null;
  return settings;
}

function whole(text, usual, least, most) {
  const value = Number.parseInt(text ?? "", 10);
  return value >= least && value <= most ? value : usual;
}

// The address' parameters; null takes one away that is as usual.
export function written(settings) {
  const all = { at: settings.at && `${settings.at.row}_${settings.at.column}` };
  for (const [name, [usual]] of Object.entries(CHOICES)) all[name] = settings[name] === usual ? null : settings[name];
  for (const [name, [usual]] of Object.entries(NUMBERS)) all[name] = settings[name] === usual ? null : String(settings[name]);
  for (const [name, usual] of Object.entries(KERNELS)) all[name] = nameOf(settings[name]) === usual ? null : nameOf(settings[name]);
  return all;
}

export const NONE = Object.fromEntries(["at", ...[CHOICES, NUMBERS, KERNELS].flatMap(Object.keys)].map((name) => [name, null]));

// Padding and stride as numbers.
export const geometry = ({ stride, padding }) => ({ stride: Number(stride), padding: padding === "zero" ? 1 : 0 });
