// Which place of the output is looked at, and the window sliding from place to place. Nothing runs
// unless it plays, and browsers give no frames to a page that is not seen.

const LONGEST_MS = 100; // between two frames: what a page missed while away is not made up for

export class Player {
  // changed(): is called after each move.
  constructor(changed) {
    Object.assign(this, { changed, at: 0, count: 1, speed: 1, playing: false, growing: false });
  }

  // How many places there are now.
  hold(count) {
    this.count = Math.max(1, count);
    this.at = Math.min(this.at, this.count - 1);
  }

  // Look at a place; the output is whole.
  go(at) {
    this.pause();
    this.growing = false;
    this.at = Math.min(Math.max(at, 0), this.count - 1);
    this.changed();
  }

  // One place further, from the first where nothing grows yet; the output is there so far.
  step(by = 1) {
    this.at = this.growing ? this.at + by : 0;
    this.growing = true;
    if (this.at >= this.count - 1) this.finish();
    this.changed();
  }

  finish() {
    this.at = this.count - 1;
    this.growing = false;
    this.pause();
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    let last = performance.now();
    let due = 0; // places
    const frame = (now) => {
      due += (Math.min(now - last, LONGEST_MS) / 1000) * this.speed;
      last = now;
      const by = Math.floor(due);
      due -= by;
      if (by > 0) this.step(by);
      if (this.playing) this.frame = requestAnimationFrame(frame);
    };
    this.step();
    if (this.playing) this.frame = requestAnimationFrame(frame);
  }

  pause() {
    this.playing = false;
    cancelAnimationFrame(this.frame);
  }
}
