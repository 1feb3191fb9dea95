/** Pixels that an element is made high at most: browsers lose precision, or stop, beyond 16 to 33 million. */
const MAX_HEIGHT_PX = 8_000_000;
/** A scroll by so many views is one of the wheel, the keys or a finger; by more it is a jump of the scroll bar. */
const STEP_VIEWS = 4;

/**
 * Places any number of rows behind a scroll bar of bounded height. While all rows fit, a pixel is a pixel. Beyond, small
 * steps still are, and jumps go by the proportion; the two drift apart, invisibly, and are brought together
 * again where the bar would otherwise reach an end before the rows do.
 */
export class ScrollMap {
  readonly rowPx: number;
  readonly #maxHeightPx: number;
  #rows = 0;
  #viewPx = 0;
  #top = 0;
  #scrollTop = 0;

  constructor(rowPx: number, maxHeightPx = MAX_HEIGHT_PX) {
    this.rowPx = rowPx;
    this.#maxHeightPx = maxHeightPx;
  }

  /** Height of what is scrolled. */
  get heightPx(): number {
    return Math.max(this.#viewPx, Math.min(this.#rows * this.rowPx, this.#maxHeightPx));
  }

  /** Pixels of rows above the view. */
  get topPx(): number {
    return this.#top;
  }

  /** The largest `topPx`. */
  get maxTopPx(): number {
    return Math.max(0, this.#rows * this.rowPx - this.#viewPx);
  }

  /** Where the scroll bar is to be. */
  get scrollTop(): number {
    return this.#scrollTop;
  }

  /** The view is at the end, give or take half a row. */
  get atEnd(): boolean {
    return this.maxTopPx - this.#top <= this.rowPx / 2;
  }

  /** 0 at the beginning, 1 at the end. */
  get progress(): number {
    return this.maxTopPx === 0 ? 0 : this.#top / this.maxTopPx;
  }

  /** Other numbers of rows, or another view; the row at the top stays there as far as it can. */
  resize(rows: number, viewPx: number): void {
    this.#rows = rows;
    this.#viewPx = viewPx;
    this.moveTo(this.#top);
  }

  /** Puts the view somewhere. */
  moveTo(topPx: number): void {
    this.#top = Math.min(this.maxTopPx, Math.max(0, topPx));
    this.#anchor();
  }

  /** The scroll bar has been moved. Where `scrollTop` then differs it has to be set. */
  scrolled(scrollTop: number): void {
    const step = scrollTop - this.#scrollTop;
    if (step === 0) return;
    this.#scrollTop = scrollTop;
    const small = Math.abs(step) <= STEP_VIEWS * this.#viewPx;
    const top = this.#isScaled && !small ? (scrollTop / this.#maxScrollTop) * this.maxTopPx : this.#top + step;
    this.#top = Math.min(this.maxTopPx, Math.max(0, this.#isScaled ? top : scrollTop));
    if (!this.#isScaled) return;
    const roomAbove = Math.min(this.#top, this.#viewPx);
    const roomBelow = Math.min(this.maxTopPx - this.#top, this.#viewPx);
    if (this.#scrollTop < roomAbove || this.#maxScrollTop - this.#scrollTop < roomBelow) this.#anchor();
  }

  get #isScaled(): boolean {
    return this.#rows * this.rowPx > this.#maxHeightPx;
  }

  get #maxScrollTop(): number {
    return Math.max(0, this.heightPx - this.#viewPx);
  }

  /** Puts the scroll bar where the proportion says, leaving a view of room on each side that has rows. */
  #anchor(): void {
    if (!this.#isScaled) {
      this.#scrollTop = this.#top;
      return;
    }
    const below = this.maxTopPx - this.#top;
    const least = Math.min(this.#top, this.#viewPx);
    const most = this.#maxScrollTop - Math.min(below, this.#viewPx);
    this.#scrollTop = Math.round(Math.min(most, Math.max(least, this.progress * this.#maxScrollTop)));
  }
}
