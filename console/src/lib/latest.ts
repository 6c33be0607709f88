/** Only the newest of several loads counts: a newer one ends the older, whose answer, should it still come, is dropped. */
export function latest() {
  let running: AbortController | null = null;

  /** The answer, or null where something newer was asked for meanwhile. What fails then is nobody's concern. */
  async function newest<T>(load: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await load(mine.signal);
      return mine === running ? answer : null;
    } catch (error) {
      if (mine === running) throw error;
      return null;
    }
  }

  newest.cancel = (): void => {
    running?.abort();
    running = null;
  };
  return newest;
}
