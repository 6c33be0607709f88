/** What the map of a large city shows: the cases in view, or, where they are too many, how many lie where. */

import { computed, ref, shallowRef } from "vue";

import { api } from "../api/client";
import type { CaseFeature, ClusterCollection, ClusterFeature, LonLat, PointGeometry } from "../api/types";
import { fits, MOST_DRAWN, queryOf, type CaseQuery } from "../lib/bigCity";
import { latest } from "../lib/latest";
import type { CaseFilter } from "../lib/matter";
import { boxOf, holdsBox, holdsPlace, inCell, lookAt, type Box, type Look, type View } from "../lib/viewBox";

export interface InView {
  box: Box | null;
  cases: Map<string, CaseFeature>;
  clusters: ClusterFeature[];
  /** Whether there are more, older ones, that are neither drawn nor counted. */
  truncated: boolean;
}

type Asked = Look & { view: View; wanted: CaseQuery; signal: AbortSignal };

const NOTHING: InView = { box: null, cases: new Map(), clusters: [], truncated: false };

export function useInView(filter: () => CaseFilter) {
  const shown = shallowRef<InView>(NOTHING);
  const view = shallowRef<View | null>(null);
  /** Whether what is shown is of an older view or filter. */
  const busy = ref(false);
  const newest = latest();
  /** For which view and filter `shown` was asked. */
  const answered = shallowRef<{ view: View; wanted: CaseQuery } | null>(null);

  /** Asks for what the view needs; where all of it is here already, nothing is asked. */
  async function look(at: View): Promise<void> {
    view.value = at;
    if (!isHere(at)) return again();
    newest.cancel();
    busy.value = false;
  }

  function isHere(at: View): boolean {
    const { box, clusters, truncated } = shown.value;
    const isWhole = box !== null && clusters.length === 0 && !truncated && holdsBox(box, lookAt(at).box);
    return isWhole && JSON.stringify(answered.value?.wanted) === JSON.stringify(queryOf(filter()));
  }

  async function again(): Promise<void> {
    const at = view.value;
    if (!at) return;
    const asked = { ...lookAt(at), view: at, wanted: queryOf(filter()) };
    busy.value = true;
    const found = await newest((signal) => read({ ...asked, signal })).catch((error: unknown) => {
      busy.value = false;
      throw error;
    });
    if (!found) return;
    busy.value = false;
    answered.value = asked;
    shown.value = found;
  }

  async function read(asked: Asked): Promise<InView> {
    // What served for the last view will likely serve for this one: mostly one request does. The first is of a large city.
    const countFirst = shown.value.box === null || shown.value.clusters.length > 0;
    const counted = countFirst ? await count(asked) : null;
    if (counted && counted.counted > MOST_DRAWN && !asked.closest) return circles(asked, counted);
    const answer = await api.casesIn(asked.box, asked.wanted, MOST_DRAWN, asked.signal);
    if (answer.truncated && !asked.closest) return circles(asked, counted ?? (await count(asked)));
    const cases = new Map(answer.features.map((feature) => [feature.properties.case_id, feature]));
    return { box: asked.box, cases, clusters: [], truncated: answer.truncated };
  }

  /** Takes a changed case in; false where what is shown cannot tell what it changes, so that it must be asked for anew. */
  function take(feature: CaseFeature): boolean {
    const { box, cases, clusters, truncated } = shown.value;
    if (!box || !holdsPlace(box, placeOf(feature))) return true;
    if (clusters.length > 0 || truncated) return false;
    const changed = new Map(cases);
    if (fits(filter(), feature.properties)) changed.set(feature.properties.case_id, feature);
    else changed.delete(feature.properties.case_id);
    shown.value = { ...shown.value, cases: changed };
    // An answer that is on its way may be older than this.
    return changed.size <= MOST_DRAWN && !busy.value;
  }

  function isSeen(feature: { geometry: PointGeometry }): boolean {
    return view.value !== null && holdsPlace(boxOf(view.value), placeOf(feature));
  }

  /** How many cases are to be seen, one by one or in circles; null before the first answer. */
  const seen = computed(() => {
    if (!answered.value) return null;
    // The circles of the last view say nothing of this one.
    const within = boxOf(shown.value.clusters.length > 0 ? answered.value.view : (view.value ?? answered.value.view));
    const inCircles = shown.value.clusters.reduce((sum, one) => sum + (holdsPlace(within, placeOf(one)) ? one.properties.count : 0), 0);
    return inCircles + [...shown.value.cases.values()].filter((one) => holdsPlace(within, placeOf(one))).length;
  });

  return { shown, seen, busy, isSeen, look, again, take };
}

function placeOf({ geometry }: { geometry: PointGeometry }): LonLat {
  return geometry.coordinates as LonLat;
}

function count({ box, columns, wanted, signal }: Asked) {
  return api.clustersIn(box, columns, wanted, signal);
}

function circles(asked: Asked, { features, truncated }: ClusterCollection): InView {
  const clusters = features.map((one) => ({ ...one, geometry: { ...one.geometry, coordinates: inCell(placeOf(one), asked) } }));
  return { box: asked.box, cases: new Map(), clusters, truncated };
}
