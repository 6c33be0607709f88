/** A city too large to be loaded: what is in view, what is urgent, and the case that is looked at, kept up to date. */

import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";

import { api } from "../api/client";
import type { FeedEvent } from "../api/stream";
import type { CaseFeature, ClusterCollection } from "../api/types";
import { featureOf, queryOf } from "../lib/bigCity";
import { NO_FILTER, type CaseFilter } from "../lib/matter";
import { paced, settled } from "../lib/pace";
import { boxAround, widthDeg, WHOLE_EARTH, type Box, type View } from "../lib/viewBox";
import { useInView } from "./inView";
import { useUrgent } from "./urgent";

const VIEW_PAUSE_MS = 200;
const TYPING_PAUSE_MS = 350;
/** In a large city something happens all the time: counts follow at this pace, not at each event. */
const COUNT_PAUSE_MS = 5_000;

type Guarded = (...loads: (() => Promise<unknown>)[]) => Promise<void>;

export function useBigCity(filter: () => CaseFilter, guarded: Guarded) {
  /** Nothing is asked before the map stands where it shall begin. */
  const begun = ref(false);
  const near = useInView(filter);
  const urgent = useUrgent(filter);
  const picked = shallowRef<CaseFeature | null>(null);
  let at: View | null = null;
  let wantedId: string | null = null;

  // Not put off by what moves on and on, like a map that follows an aircraft.
  const lookSoon = paced(() => void (at && guarded(() => near.look(at as View))), VIEW_PAUSE_MS);
  const chooseSoon = settled(() => void guarded(refresh), TYPING_PAUSE_MS);
  const lookAgainSoon = paced(() => void guarded(near.again), COUNT_PAUSE_MS);
  const countSoon = paced(() => void guarded(urgent.count), COUNT_PAUSE_MS);
  onScopeDispose(() => [lookSoon, chooseSoon, lookAgainSoon, countSoon].forEach((one) => one.cancel()));

  watch(() => JSON.stringify(queryOf(filter())), () => begun.value && chooseSoon());

  /** Reads list and view anew; also the first time. */
  async function refresh(): Promise<void> {
    await Promise.all([urgent.restart(), near.again()]);
  }

  function onView(view: View): void {
    at = view;
    if (begun.value) lookSoon();
  }

  /** From now on the view is asked for. */
  function begin(): void {
    begun.value = true;
    lookSoon();
  }

  /** Where the city lies, by the cases that have not ended; first roughly, on the whole earth, then within that. */
  async function home(): Promise<Box | null> {
    let box: Box | null = WHOLE_EARTH;
    for (const { columns, outOf } of [{ columns: 256, outOf: 50 }, { columns: 64, outOf: 200 }]) {
      const answer: ClusterCollection = await api.clustersIn(box, columns, queryOf(NO_FILTER));
      box = boxAround(answer.features, widthDeg(box) / columns, outOf);
      if (!box) return null;
    }
    return box;
  }

  function find(id: string): CaseFeature | null {
    if (picked.value?.properties.case_id === id) return picked.value;
    return near.shown.value.cases.get(id) ?? urgent.rows.value.find((row) => row.properties.case_id === id) ?? null;
  }

  /** Makes a case the one that is looked at; it is fetched where it is not here. False where the service has none. */
  async function pick(id: string | null): Promise<boolean> {
    wantedId = id;
    picked.value = id ? find(id) : null;
    if (!id || picked.value) return true;
    const found = await api.case(id).catch(() => null);
    if (wantedId !== id) return true;
    picked.value = found && featureOf(found);
    return found !== null;
  }

  function take(kind: FeedEvent, feature: CaseFeature | null): void {
    countSoon();
    if (!feature) return lookAgainSoon();
    if (picked.value?.properties.case_id === feature.properties.case_id) picked.value = feature;
    urgent.take(feature, kind === "case.opened");
    if (!near.take(feature)) lookAgainSoon();
  }

  /** What is drawn one by one: also the case that is looked at, which may lie in a circle. */
  const drawn = computed(() => {
    const cases = [...near.shown.value.cases.values()];
    const one = picked.value;
    return one && !near.shown.value.cases.has(one.properties.case_id) ? [...cases, one] : cases;
  });

  return { near, urgent, picked, drawn, refresh, onView, begin, home, pick, take };
}
