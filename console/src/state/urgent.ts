/** The list of a large city: what is most urgent, read page by page. */

import { computed, ref, shallowRef } from "vue";

import { api } from "../api/client";
import type { CaseFeature } from "../api/types";
import { BY_URGENCY, featureOf, fits, LIST_PAGE, queryOf, withChange, withPage } from "../lib/bigCity";
import { latest } from "../lib/latest";
import type { CaseFilter } from "../lib/matter";

export function useUrgent(filter: () => CaseFilter) {
  const rows = shallowRef<CaseFeature[]>([]);
  /** How many there are; null where the service does not know without looking at them. */
  const total = ref<number | null>(null);
  const loaded = ref(false);
  /** So many colours are read to their end. */
  const complete = ref(0);
  const more = computed(() => complete.value < BY_URGENCY.length);
  const newest = latest();
  const newestCount = latest();
  let cursor: string | undefined;

  async function restart(): Promise<void> {
    const [found] = await Promise.all([read(0, undefined), count()]);
    if (found) rows.value = found;
    loaded.value ||= found !== null;
  }

  async function readMore(): Promise<void> {
    const found = await read(complete.value, cursor);
    // What came by the live feed meanwhile is in the rows of now.
    if (found) rows.value = withPage(rows.value, found);
  }

  /** Reads a page, colour after colour: few red ones are followed by yellow ones. Null where something newer was asked for. */
  async function read(colours: number, after: string | undefined): Promise<CaseFeature[] | null> {
    const wanted = queryOf(filter());
    const found = await newest(async (signal) => {
      let [at, from, page] = [colours, after, [] as CaseFeature[]];
      for (; at < BY_URGENCY.length && page.length < LIST_PAGE; at += from ? 0 : 1) {
        const colour = BY_URGENCY[at] ?? "";
        if (wanted.colour && wanted.colour !== colour) continue;
        const answer = await api.casePage({ ...wanted, colour }, { limit: LIST_PAGE - page.length, cursor: from, signal });
        page = [...page, ...answer.items.map(featureOf)];
        from = answer.next ?? undefined;
      }
      return { at, from, page };
    });
    if (!found) return null;
    [complete.value, cursor] = [found.at, found.from];
    return found.page;
  }

  async function count(): Promise<void> {
    const answer = await newestCount((signal) => api.casePage(queryOf(filter()), { limit: 1, signal }));
    if (answer) total.value = answer.matched;
  }

  function take(feature: CaseFeature, isNew: boolean): void {
    rows.value = withChange(rows.value, feature, { wanted: fits(filter(), feature.properties), isNew, complete: complete.value });
  }

  return { rows, total, loaded, more, restart, readMore, count, take };
}
