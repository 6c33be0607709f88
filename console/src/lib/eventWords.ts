/** Entries of the history as people read them. */

import type { HistoryEvent } from "../api/types";
import { useLanguage } from "../i18n";

/** What happened and who did it, in the reader's language. */
export function useEventWords() {
  const { t, te } = useLanguage();

  function stateName(kind: string, state: string): string {
    const key = `${kind.startsWith("task.") ? "taskState" : "caseState"}.${state}`;
    return te(key) ? t(key) : state;
  }

  /** A change of state where there was one, else the kind of event. */
  function words(event: Pick<HistoryEvent, "kind" | "from" | "to" | "data">): string {
    if (event.from && event.to) return t("case.changed", { from: stateName(event.kind, event.from), to: stateName(event.kind, event.to) });
    if (event.to) return stateName(event.kind, event.to);
    const key = `event.${event.kind.replace(".", "_")}`;
    return te(key) ? t(key, { number: String(event.data?.number ?? "") }) : event.kind;
  }

  function actor(who: string): string {
    if (!who.startsWith("system:")) return who;
    // Of the command line, the operating system's user follows.
    const [name = "", ...user] = who.slice("system:".length).split(":");
    const key = `actor.${name.replaceAll("-", "_")}`;
    return te(key) ? [t(key), ...user].join(" · ") : who;
  }

  return { words, actor };
}
