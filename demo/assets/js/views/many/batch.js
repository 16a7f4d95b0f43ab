// Many photos, a few at a time: what is answered is told, what is lost with the connection is asked
// again when the service is back.

import { SIDE, shrink } from "../../shrink.js";
import { classify, read } from "../../service.js";

const AT_ONCE = 4;
const PAUSE_MS = 1000; // after the service said that it is full, or is away
const LONGEST_PAUSE_MS = 15_000;
const THUMBNAIL = 192; // pixels of its shorter side

export class Batch extends EventTarget {
  constructor() {
    super();
    this.photos = []; // {name, read, model ({name, title}, or null for the service's own choice), thumbnail (a URL), answer, problem}
    this.next = 0;
    this.running = 0;
    this.paused = false;
    this.away = null; // what keeps it from going on
  }

  get done() {
    return this.photos.filter((one) => one.answer || one.problem).length;
  }

  get finished() {
    return this.photos.length > 0 && this.next >= this.photos.length && !this.running;
  }

  // Photos for a model; another one that is chosen later is for those that come later.
  add(photos, model) {
    this.photos.push(...photos.map((one) => ({ ...one, model, thumbnail: null, answer: null, problem: null })));
    this.tell("added");
    this.go();
  }

  clear() {
    this.generation = (this.generation ?? 0) + 1;
    for (const one of this.photos) if (one.thumbnail) URL.revokeObjectURL(one.thumbnail);
    Object.assign(this, { photos: [], next: 0, away: null, paused: false });
    this.tell("cleared");
  }

  pause(paused) {
    this.paused = paused;
    this.tell("state");
    this.go();
  }

  go() {
    while (!this.paused && this.running < AT_ONCE && this.next < this.photos.length) {
      const one = this.photos[this.next++];
      this.running += 1;
      this.answer(one, this.generation).finally(() => {
        this.running -= 1;
        this.go();
        if (this.finished) this.tell("state");
      });
    }
  }

  // Ask of one photo until there is an answer, or it is clear that there will be none.
  async answer(one, generation) {
    let file;
    try {
      file = await one.read();
      one.thumbnail = await thumbnail(file);
      if (generation === this.generation) this.tell("seen", one);
      const { blob } = await shrink(file, SIDE);
      for (let pause = PAUSE_MS; generation === this.generation; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
        try {
          one.answer = await classify(blob, { model: one.model?.name });
          this.away = null;
          break;
        } catch (cause) {
          if (!cause.again || cause.kind === "unknown-model") throw cause;
          this.away = cause.heading;
          this.tell("state");
          await back(pause);
        }
      }
    } catch (cause) {
      one.problem = cause.heading ? `${cause.heading}. ${cause.message}` : "That file can’t be read.";
    }
    if (generation === this.generation) this.tell("answered", one);
  }

  tell(what, photo = null) {
    this.dispatchEvent(new CustomEvent(what, { detail: photo }));
  }
}

// Some time later, or as soon as the service says that it is there.
async function back(pause) {
  await new Promise((resolve) => setTimeout(resolve, pause));
  await read("readyz").catch(() => null);
}

async function thumbnail(file) {
  const { blob, width } = await shrink(file, THUMBNAIL, { always: true });
  return width ? URL.createObjectURL(blob) : null;
}
