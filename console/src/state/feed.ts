/** One live feed for all components of the page; it is open while at least one of them listens. */

import { onScopeDispose, readonly, ref } from "vue";

import { api } from "../api/client";
import { openFeed, type Connection, type Feed, type FeedEvent } from "../api/stream";

interface Listener {
  onFresh: () => void;
  onEvent: (kind: FeedEvent, data: unknown) => void;
}

const state = ref<Connection | "off">("off");
const listeners = new Set<Listener>();
let feed: Feed | null = null;

export const connection = readonly(state);

/** Listens for the life of the calling component: `onFresh` means "load everything", `onEvent` carries one change. */
export function useFeed(listener: Listener): void {
  const late = state.value === "live";
  listeners.add(listener);
  feed ??= openFeed({
    onFresh: () => listeners.forEach((one) => one.onFresh()),
    onEvent: (kind, data) => listeners.forEach((one) => one.onEvent(kind, data)),
    onConnection: (now) => (state.value = now),
    // Asking who is logged in sends the visitor to the log-in page where the session has ended.
    onRefused: () => void api.checkSession().catch(() => undefined),
  });
  if (late) listener.onFresh();
  onScopeDispose(() => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    feed?.close();
    feed = null;
    state.value = "off";
  });
}
