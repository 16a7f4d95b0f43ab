// The photos in a zip archive, one by one, without unpacking the others (APPNOTE 6.3.10).

import { Problem } from "../../service.js";

const MOST_BYTES = 64_000_000; // of one file
const unreadable = (why) => new Problem("That file can’t be read", why, false);
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;
const ZIP64 = 0xffffffff;

export const isZip = (file) => /\.zip$/i.test(file.name) || /zip/.test(file.type);

// What is in an archive: [{name, read(): a promise of a File}]; throws what is no archive.
export async function entries(archive) {
  const view = new DataView(await archive.slice(-65_557).arrayBuffer());
  let end = view.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error("This is no zip archive, or its end is missing.");
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (start === ZIP64) throw new Error("This archive is larger than 4 GB; drop its folder instead.");
  const directory = new DataView(await archive.slice(start, start + size).arrayBuffer());
  return [...listed(directory)].map((entry) => ({ name: entry.name, read: () => unpacked(archive, entry) }));
}

function* listed(directory) {
  const text = new TextDecoder();
  for (let at = 0; at + 46 <= directory.byteLength && directory.getUint32(at, true) === ENTRY; ) {
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => directory.getUint16(at + offset, true));
    const name = text.decode(new Uint8Array(directory.buffer, at + 46, nameLength));
    yield {
      name,
      method: directory.getUint16(at + 10, true),
      packed: directory.getUint32(at + 20, true),
      size: directory.getUint32(at + 24, true),
      offset: directory.getUint32(at + 42, true),
    };
    at += 46 + nameLength + extra + comment;
  }
}

async function unpacked(archive, { name, method, packed, size, offset }) {
  if (size > MOST_BYTES) throw unreadable("It is larger than 64 MB.");
  const head = new DataView(await archive.slice(offset, offset + 30).arrayBuffer());
  const start = offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const content = archive.slice(start, start + packed);
  const short = name.split("/").pop();
  if (method === STORED) return new File([content], short);
  if (method !== DEFLATED) throw unreadable("The archive is packed in a way that browsers don’t know.");
  return new File([await inflated(content)], short);
}

// An archive may say that a file is small, and it isn't.
async function inflated(content) {
  const pieces = [];
  let size = 0;
  const reader = content.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(pieces);
    size += value.byteLength;
    if (size > MOST_BYTES) throw unreadable("It is larger than 64 MB.");
    pieces.push(value);
  }
}
