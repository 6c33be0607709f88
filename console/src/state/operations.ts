/**
 * What the operations map shows, kept up to date by the live feed. Of a small city every case is loaded once; of a large one
 * what is in view and what is urgent (`bigCity.ts`).
 */

import { computed, ref, shallowRef, triggerRef } from "vue";

import { api, isCaseFeature } from "../api/client";
import type { FeedEvent } from "../api/stream";
import type { CaseFeature, FeatureCollection, Flight, LineGeometry, LonLat, PhotoProperties, PolygonGeometry, Summary, ZoneProperties } from "../api/types";
import { SMALL_CITY } from "../lib/bigCity";
import { asProblem } from "../lib/load";
import type { Problem } from "../api/client";
import { closedRing } from "../lib/geometry";
import type { CaseFilter } from "../lib/matter";
import { paced } from "../lib/pace";
import { useBigCity } from "./bigCity";
import { useFeed } from "./feed";

export type Photos = FeatureCollection<PolygonGeometry | null, PhotoProperties>;
export type ZoneCollection = FeatureCollection<PolygonGeometry | LineGeometry, ZoneProperties>;

export interface AircraftAt {
  flight_id: string;
  at: string;
  lon: number;
  lat: number;
  alt_m: number | null;
  heading_deg: number | null;
}

interface Hooks {
  onAircraft: (place: LonLat, headingDeg: number) => void;
  onPhoto: (geometry: PolygonGeometry | null, properties: PhotoProperties) => void;
  onNewCase: (feature: CaseFeature) => void;
}

const BURST_PAUSE_MS = 400;
/** A large city's figures change all the time, and counting them costs more. */
const LARGE_PAUSE_MS = 3_000;

export function useOperations(filter: () => CaseFilter, hooks: Hooks) {
  const cases = shallowRef(new Map<string, CaseFeature>());
  const zones = shallowRef<ZoneCollection | null>(null);
  const flights = shallowRef<Flight[]>([]);
  const flightId = ref<string | null>(null);
  const flight = shallowRef<Flight | null>(null);
  const photos = shallowRef<Photos | null>(null);
  const aircraft = shallowRef<AircraftAt | null>(null);
  const summary = shallowRef<Summary | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const loaded = ref(false);
  /** Whether there are more cases than the page holds. */
  const large = ref(false);
  const big = useBigCity(filter, guarded);
  let photoNames = new Set<string>();

  /** The figures say how large the city is: of a large one nothing is loaded in vain. */
  async function loadCity(): Promise<void> {
    await loadSummary();
    large.value ||= (summary.value?.cases ?? 0) > SMALL_CITY;
    if (!large.value) await loadCases();
    if (large.value) await big.refresh();
  }

  async function loadCases(): Promise<void> {
    const answer = await api.cases(SMALL_CITY);
    // It has grown beyond that since: it stays large from now on.
    if (answer.truncated) {
      large.value = true;
      cases.value = new Map();
      return;
    }
    const known = cases.value;
    cases.value = new Map(answer.features.map((feature) => [feature.properties.case_id, feature]));
    if (!loaded.value) return;
    for (const feature of answer.features) if (!known.has(feature.properties.case_id)) hooks.onNewCase(feature);
  }

  async function loadFlight(id: string): Promise<void> {
    const [one, footprints] = await Promise.all([api.flight(id), api.photos(id)]);
    flightId.value = id;
    flight.value = one;
    photos.value = footprints;
    photoNames = new Set(footprints.features.map((feature) => feature.properties.name));
    aircraft.value = null;
  }

  async function loadFlights(): Promise<void> {
    flights.value = [...(await api.flights())].sort((a, b) => (b.started_at ?? "").localeCompare(a.started_at ?? ""));
    const chosen = flights.value.find((one) => one.flight_id === flightId.value) ?? flights.value[0];
    if (chosen) await loadFlight(chosen.flight_id);
  }

  async function guarded(...loads: (() => Promise<unknown>)[]): Promise<void> {
    const results = await Promise.allSettled(loads.map((load) => load()));
    const failed = results.find((result): result is PromiseRejectedResult => result.status === "rejected");
    problem.value = failed ? asProblem(failed.reason) : null;
  }

  async function loadSummary(): Promise<void> {
    summary.value = await api.summary();
  }

  async function loadAll(): Promise<void> {
    await guarded(loadCity, loadFlights, async () => {
      zones.value = await api.zones();
    });
    loaded.value ||= problem.value === null;
  }

  const casesSoon = paced(() => void guarded(loadCity), BURST_PAUSE_MS);
  const summarySoon = paced(() => void guarded(loadSummary), BURST_PAUSE_MS);
  const summaryLater = paced(() => void guarded(loadSummary), LARGE_PAUSE_MS);
  const flightsSoon = paced(() => void guarded(loadFlights), BURST_PAUSE_MS);

  function takeCase(kind: FeedEvent, data: unknown): void {
    const feature = featureIn(data);
    if (large.value) {
      big.take(kind, feature);
      if (kind === "case.opened" && feature) hooks.onNewCase(feature);
      return;
    }
    if (!feature) return casesSoon();
    const isNew = !cases.value.has(feature.properties.case_id);
    cases.value.set(feature.properties.case_id, feature);
    triggerRef(cases);
    if (isNew) hooks.onNewCase(feature);
  }

  function takePosition(position: AircraftAt): void {
    if (position.flight_id !== flightId.value) return flightsSoon();
    aircraft.value = position;
    hooks.onAircraft([position.lon, position.lat], position.heading_deg ?? 0);
  }

  function takePhoto(data: PhotoProperties & { flight_id: string; footprint: LonLat[] | null }): void {
    if (data.flight_id !== flightId.value || !flight.value) return flightsSoon();
    if (!photoNames.has(data.name)) flight.value = { ...flight.value, photos: flight.value.photos + 1 };
    photoNames.add(data.name);
    hooks.onPhoto(closedRing(data.footprint), { name: data.name, taken_at: data.taken_at, looked: data.looked, reason: data.reason });
  }

  const TAKE: Record<FeedEvent, (data: unknown) => void> = {
    "case.opened": (data) => takeCase("case.opened", data),
    "case.updated": (data) => takeCase("case.updated", data),
    "case.joined": (data) => takeCase("case.joined", data),
    "task.changed": () => undefined,
    "flight.started": (data) => {
      flightId.value = (data as { flight_id?: string }).flight_id ?? flightId.value;
      flightsSoon();
    },
    "flight.position": (data) => takePosition(data as AircraftAt),
    "flight.photo": (data) => takePhoto(data as Parameters<typeof takePhoto>[0]),
    "flight.ended": () => flightsSoon(),
    "zones.changed": () => void guarded(async () => (zones.value = await api.zones())),
    "visit.changed": () => undefined,
    "storm.changed": () => undefined,
    "report.changed": () => undefined,
  };

  useFeed({
    onFresh: () => void loadAll(),
    onEvent: (kind, data) => {
      TAKE[kind](data);
      if (kind.startsWith("case") || kind.startsWith("task")) (large.value ? summaryLater : summarySoon)();
    },
  });

  const caseList = computed(() => [...cases.value.values()]);
  return { cases, caseList, large, big, zones, flights, flightId, flight, photos, aircraft, summary, problem, loaded, loadAll, loadFlight: (id: string) => guarded(() => loadFlight(id)) };
}

/** The map feature inside an event's data: the data itself, or under `feature`. */
function featureIn(data: unknown): CaseFeature | null {
  if (isCaseFeature(data)) return data;
  const inner = (data as { feature?: unknown } | null)?.feature;
  return isCaseFeature(inner) ? inner : null;
}
