/** The live feed (Server-Sent Events) as a small state machine that always comes back. */

export type Connection = "connecting" | "live" | "lost";

export const FEED_EVENTS = [
  "case.opened", "case.updated", "case.joined", "task.changed",
  "flight.started", "flight.position", "flight.photo", "flight.ended", "zones.changed",
  "visit.changed", "storm.changed", "report.changed",
] as const;
export type FeedEvent = (typeof FEED_EVENTS)[number];

export interface Feed {
  close(): void;
}

interface FeedHandlers {
  /** Called on every (re)connection whose missed events the service cannot replay: load everything anew. */
  onFresh: () => void;
  onEvent: (kind: FeedEvent, data: unknown) => void;
  onConnection: (state: Connection) => void;
  /** Called when the service answered with an error instead of the feed: the session may have ended. */
  onRefused: () => void;
}

/** Waiting time before the n-th new attempt, in milliseconds: 1, 2, 4, 8, then 15 s. */
export function retryDelayMs(attempt: number): number {
  return Math.min(15_000, 1_000 * 2 ** Math.max(0, attempt));
}

/**
 * Opens the feed. The browser itself reconnects with `Last-Event-ID` after a cut and misses nothing, once it has seen
 * an event; where it gives up (an HTTP error), a new source is opened after a growing pause. Whenever events may have been
 * missed, `onFresh` is called.
 */
export function openFeed(handlers: FeedHandlers, url = "/api/v1/stream"): Feed {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let closed = false;

  function connect(): void {
    const opened = new EventSource(url);
    let remembers = false;
    source = opened;
    opened.onopen = () => {
      attempt = 0;
      handlers.onConnection("live");
      if (!remembers) handlers.onFresh();
    };
    opened.onerror = () => {
      if (closed) return;
      handlers.onConnection("lost");
      if (opened.readyState !== EventSource.CLOSED) return;
      handlers.onRefused();
      timer = setTimeout(connect, retryDelayMs(attempt++));
    };
    for (const kind of FEED_EVENTS) {
      opened.addEventListener(kind, (event) => {
        remembers = true;
        try {
          handlers.onEvent(kind, JSON.parse((event as MessageEvent<string>).data));
        } catch (error) {
          console.warn(`feed event ${kind} was not readable`, error);
        }
      });
    }
  }

  handlers.onConnection("connecting");
  connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      source?.close();
    },
  };
}
