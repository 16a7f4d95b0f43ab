// The photographs of the map, where each layer of a model puts them, and the features behind that:
// made by `python -m benchmarks.gallery`, and shipped.

import { Problem } from "../../service.js";
import { direction } from "./near.js";

export const MAPS = ["places365", "efficientnet_lite0"];
export const SIDES = ["first", "last"]; // as each map has its layers
export const COLUMNS = 12; // of the sheet
const MOST = 255; // the byte that stands for a layer's largest number

const folder = () => `${document.querySelector("#booth").dataset.assets}/gallery`;
export const sheet = () => new URL(`${folder()}/sheet.jpg`, document.baseURI).href;

async function get(name, signal) {
  const response = await fetch(`${folder()}/${name}`, { signal });
  if (!response.ok) throw new Problem("The map could not be fetched", "The connection may be gone.");
  return response;
}

let kept = null;

// The photographs: [{name, kind, shows, author, licence, terms, source, index}].
async function pictures(signal) {
  kept ??= table(await (await get("pictures.tsv", signal)).text());
  return kept;
}

function table(text) {
  const [head, ...rows] = text.trimEnd().split("\n").map((line) => line.split("\t"));
  return rows.map((row, index) => ({ ...Object.fromEntries(head.map((name, column) => [name, row[column]])), index }));
}

// A model's map: {model, version, pictures, first, last}, each side with {name, size, positions,
// agreement, directions}.
export async function map(model, signal) {
  const [list, said, packed] = await Promise.all([
    pictures(signal),
    get(`${model}.json`, signal).then((response) => response.json()),
    get(`${model}.bin`, signal).then((response) => response.arrayBuffer()),
  ]);
  const made = { model, version: said.version, pictures: list };
  let start = 0;
  for (const [index, layer] of said.layers.entries()) {
    const bytes = new Uint8Array(packed, start, layer.size * list.length);
    made[SIDES[index]] = { ...layer, directions: list.map((_, row) => direction(numbers(bytes, row, layer))) };
    start += bytes.length;
  }
  return made;
}

const numbers = (bytes, row, { size, most }) =>
  Array.from(bytes.subarray(row * size, (row + 1) * size), (byte) => (byte * most) / MOST);
