// The photos among what a visitor dropped or chose: files, folders and whatever is in them, archives.

import { entries, isZip } from "./zip.js";

const MOST = 10_000;
const PHOTO = /\.(jpe?g|jfif|png|gif|webp|avif|heic|heif|bmp|tiff?)$/i;
const HIDDEN = /(^|\/)(\.|__MACOSX\/)/;

// [{name: its path, read(): a promise of the File}], at most 10,000; `told` is told what can't be
// read. A file that was given by itself counts as a photo whatever its name.
export async function photosOf({ files = [], items = null }, told) {
  const found = [];
  // All at once: the items are gone when the drop is over.
  const given = [...(items ?? [])].map((one) => [one.webkitGetAsEntry?.(), one.getAsFile?.()]);
  for (const [entry, file] of given) {
    if (entry) await walk(entry, "", found, told, true);
    else if (file) await add(file, file.name, found, told, true); // a picture dragged out of a page
  }
  if (!items) for (const file of files) await add(file, file.webkitRelativePath || file.name, found, told, !file.webkitRelativePath);
  if (found.length > MOST) told(`Only the first ${MOST.toLocaleString("en")} photos are taken.`);
  return found.slice(0, MOST);
}

async function walk(entry, path, found, told, isGiven) {
  const name = path + entry.name;
  if (HIDDEN.test(name)) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    await add(file, name, found, told, isGiven);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A browser gives a hundred at a time, until there are none left.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await walk(one, `${name}/`, found, told, false);
  }
}

async function add(file, name, found, told, isGiven) {
  if (isZip(file)) {
    try {
      const within = (await entries(file)).filter((one) => PHOTO.test(one.name) && !HIDDEN.test(one.name));
      found.push(...within);
      if (!within.length) told(`There are no photos in ${name}.`);
    } catch (cause) {
      told(`${name}: ${cause.message}`);
    }
  } else if (isGiven || PHOTO.test(name)) {
    if (!HIDDEN.test(name)) found.push({ name, read: async () => file });
  }
}
