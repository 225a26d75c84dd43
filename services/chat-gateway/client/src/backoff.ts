/** How long to wait before the next attempt: doubling, with full jitter, so that a crowd does not come back all at once. */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly firstMs: number,
    private readonly mostMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** @param leastMs what the gateway asked for, say in `Retry-After`. */
  next(leastMs = 0): number {
    const most = Math.min(this.mostMs, this.firstMs * 2 ** this.#attempts++);
    return leastMs + most * this.random();
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** Wait; `wake` or the signal ends it early. */
export class Pause {
  #wake: (() => void) | undefined;

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      return;
    }
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
      this.#wake = done;
    });
  }

  wake(): void {
    this.#wake?.();
  }
}
