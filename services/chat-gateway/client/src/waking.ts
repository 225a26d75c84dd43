/** Calls back when the page is seen again, thaws, or finds a network: then a line may be dead without anybody having said so. */
export function onWake(woken: () => void, signal: AbortSignal): void {
  const { document, addEventListener } = globalThis as { document?: Document; addEventListener?: typeof globalThis.addEventListener };
  addEventListener?.("online", woken, { signal });
  addEventListener?.("pageshow", woken, { signal });
  document?.addEventListener("resume", woken, { signal });
  document?.addEventListener("visibilitychange", () => document.visibilityState === "visible" && woken(), { signal });
}
