// One question at a time, about what there is last: whatever is wanted meanwhile is asked of next.

export class Latest {
  // ask: asks, and resolves when that is over.
  constructor(ask) {
    this.ask = ask;
    this.isWanted = this.isAsking = this.isOver = false;
  }

  want() {
    this.isWanted = true;
    if (!this.isAsking) this.go();
  }

  stop() {
    this.isOver = true;
  }

  async go() {
    this.isAsking = true;
    while (this.isWanted && !this.isOver) {
      this.isWanted = false;
      await this.ask();
    }
    this.isAsking = false;
  }
}
