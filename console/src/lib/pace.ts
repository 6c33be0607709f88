/** Runs `action` at most once per `pauseMs`, the last call never lost: a burst of events causes one load. */
export function paced(action: () => void, pauseMs: number): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const call = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      action();
    }, pauseMs);
  };
  call.cancel = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  return call;
}

/** Runs `action` once nobody has asked for it for `pauseMs`: what is still being typed or dragged is not acted upon. */
export function settled(action: () => void, pauseMs: number): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const call = (): void => {
    clearTimeout(timer);
    timer = setTimeout(action, pauseMs);
  };
  call.cancel = (): void => clearTimeout(timer);
  return call;
}
