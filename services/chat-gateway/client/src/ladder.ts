/** How often a transport that has worked here is tried again before the next one is. */
const TRIES_OF_PROVEN = 5;

/** Which transport to try: from the best down to what the network lets through, and up again later. */
export class Ladder<T> {
  #at = 0;
  #failures = 0;
  #shortLived = 0;
  #steppedDown = 0;
  readonly #proven = new Set<T>();

  /**
   * @param shortMs a line that ends without a reason within this time was perhaps cut by something in between.
   * @param climbMs after this time a reconnect begins at the top again.
   */
  constructor(
    private readonly rungs: readonly T[],
    private readonly shortMs: number,
    private readonly climbMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  current(): T {
    if (this.#at > 0 && this.now() - this.#steppedDown >= this.climbMs) {
      this.#at = 0;
    }
    return this.rungs[this.#at] as T;
  }

  /** No line came about. Tells whether another transport is to be tried at once, rather than after a pause. */
  failed(): boolean {
    this.#failures += 1;
    if (this.#proven.has(this.current()) && this.#failures < TRIES_OF_PROVEN) {
      return false;
    }
    return this.#down();
  }

  /** A line that had worked was lost, without a word from the gateway. Two short ones in a row mean a step down. */
  lost(livedMs: number): void {
    this.#failures = 0;
    if (livedMs >= this.shortMs) {
      this.#shortLived = 0;
      this.#proven.add(this.current());
    } else if (++this.#shortLived >= 2) {
      this.#proven.delete(this.current());
      if (this.#at + 1 < this.rungs.length) {
        this.#down();
      }
    }
  }

  #down(): boolean {
    this.#failures = 0;
    this.#shortLived = 0;
    this.#steppedDown = this.now();
    this.#at = (this.#at + 1) % this.rungs.length;
    return this.#at > 0;
  }
}
