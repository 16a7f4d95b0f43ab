// The visitor's own photos on the map: asked of one after the other, and forgotten on leaving.

import { SIDE, shrink } from "../../shrink.js";
import { Problem, features } from "../../service.js";
import { SIDES } from "./gallery.js";
import { between, direction, nearest } from "./near.js";

export const MOST = 60;
const THUMBNAIL = 192; // pixels of its shorter side
const PAUSE_MS = 1000; // after the service said that it is full, or is away
const PATIENCE = 4; // times

export class Own extends EventTarget {
  constructor() {
    super();
    this.photos = []; // {file, shows, url, directions, positions}; without positions: not placed yet
    this.waiting = [];
    this.map = null;
    this.running = null;
  }

  // Take some; gives how many there was no room for.
  add(files) {
    const room = MOST - this.photos.length;
    const taken = files.slice(0, room).map((file) => ({ file, shows: file.name.replace(/\.\w+$/, ""), own: true }));
    this.photos.push(...taken);
    this.waiting.push(...taken);
    this.go();
    return files.length - taken.length;
  }

  // Place all of them anew, on another map.
  use(map) {
    this.map = map;
    this.running?.abort();
    this.running = null;
    this.waiting = [...this.photos];
    this.go();
  }

  clear() {
    this.running?.abort();
    this.running = null;
    for (const { url } of this.photos) if (url) URL.revokeObjectURL(url);
    this.photos = [];
    this.waiting = [];
    this.tell("state");
  }

  async go() {
    if (this.running || !this.map) return;
    const mine = (this.running = new AbortController());
    this.tell("state");
    while (this.waiting.length && !mine.signal.aborted) {
      const photo = this.waiting.shift();
      try {
        await this.place(photo, mine.signal);
        if (!mine.signal.aborted) this.tell("placed", photo);
      } catch (cause) {
        if (!mine.signal.aborted) this.lose(photo, cause);
      }
    }
    if (this.running !== mine) return;
    this.running = null;
    this.tell("state");
  }

  lose(photo, cause) {
    if (!(cause instanceof Problem)) console.warn(cause);
    this.photos = this.photos.filter((one) => one !== photo);
    if (photo.url) URL.revokeObjectURL(photo.url);
    this.tell("lost", { photo, heading: cause.heading ?? "That file can’t be read" });
  }

  async place(photo, signal) {
    const { map } = this;
    photo.url ??= await thumbnail(photo.file);
    photo.blob ??= (await shrink(photo.file, SIDE)).blob;
    const [directions, positions] = [{}, {}];
    for (const side of SIDES) {
      const found = await patiently(() => features(photo.blob, { model: map.model, layer: map[side].name }, { signal }), signal);
      if (found.size !== map[side].size) throw new Problem("The map is of another version of the model", "Your photos can’t be placed on it.", false);
      directions[side] = direction(found.features);
      positions[side] = between(nearest(directions[side], map[side].directions), map[side].positions);
    }
    Object.assign(photo, { directions, positions });
  }

  tell(what, detail = null) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

// Again a little later, where that may help.
async function patiently(ask, signal) {
  for (let time = 1; ; time += 1) {
    try {
      return await ask();
    } catch (cause) {
      if (!cause.again || time >= PATIENCE || signal.aborted) throw cause;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * time));
      signal.throwIfAborted();
    }
  }
}

async function thumbnail(file) {
  const { blob, width } = await shrink(file, THUMBNAIL, { always: true });
  return width ? URL.createObjectURL(blob) : null;
}
