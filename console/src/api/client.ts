/** Requests to our own service: cookie session, CSRF header on writes, problem+json turned into one error type. */

import type { CaseQuery } from "../lib/bigCity";
import type { Language } from "../lib/format";
import { OPEN_STATES } from "../lib/matter";
import { bboxOf, type Box } from "../lib/viewBox";
import type { CitizenReport, DeliveryDetail, DeliveryItem, EventItem, NewReceiver, Page, ReceiverItem, ReportDetail } from "./desk";
import type {
  FiguresAnswer, LineResult, CheckAnswer, StormDetail, Stroke, SuggestionList, VisitDetail, VisitItem, Weather,
} from "./field";
import type {
  Basemap, CaseCollection, CaseDetail, CaseFeature, CaseObservation, CasePage, CaseProperties, Change, ClusterCollection, DemoAnswer, Department, FeatureCollection, Flight,
  KeptAccount, KeptKey, LineGeometry, LogInMethods, NewAccount, NewKey, PhotoProperties, PolygonGeometry, SessionAnswer, Summary, Task, TaskPage, ZoneProperties,
} from "./types";

const ROOT = "/api/v1";

/** An answer that was not a success; `status` 0 means that the service could not be reached at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly allowed: string[] = [],
    /** The kind of problem, like `key-exists`, and the part of the request that is wrong, where one is. */
    readonly kind = "",
    readonly field = "",
  ) {
    super(detail || title);
    this.name = "Problem";
  }
}

let csrfToken = "";
let onExpired: () => void = () => undefined;

export function setCsrf(token: string): void {
  csrfToken = token;
}

/** Registers what happens when the service says that nobody is logged in (any more). */
export function whenSessionExpires(action: () => void): void {
  onExpired = action;
}

function allowedNames(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.map((entry) => (typeof entry === "string" ? entry : String((entry as { to?: unknown }).to ?? ""))).filter(Boolean);
}

async function problemFrom(answer: Response): Promise<Problem> {
  try {
    const body = (await answer.json()) as { type?: string; title?: string; detail?: unknown; allowed?: unknown; field?: unknown };
    const detail = typeof body.detail === "string" ? body.detail : "";
    return new Problem(answer.status, body.title ?? answer.statusText, detail, allowedNames(body.allowed), body.type?.split(":").at(-1) ?? "", typeof body.field === "string" ? body.field : "");
  } catch {
    return new Problem(answer.status, answer.statusText, "");
  }
}

interface RequestOptions {
  method?: string;
  body?: unknown;
  /** An unanswered log-in (401) is an answer here, not an expired session. */
  anonymous?: boolean;
  /** The version that was read: where somebody changed the thing since, the service refuses with a 412. */
  version?: number;
  /** Ends the request when nobody waits for its answer any more. */
  signal?: AbortSignal | undefined;
}

async function request<T>(path: string, { method = "GET", body, anonymous = false, version, signal }: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken) headers["X-CSRF-Token"] = csrfToken;
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  let answer: Response;
  try {
    answer = await fetch(ROOT + path, { method, headers, credentials: "same-origin", body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null });
  } catch {
    throw new Problem(0, "network", "");
  }
  if (!answer.ok) {
    const problem = await problemFrom(answer);
    if (answer.status === 401 && !anonymous) onExpired();
    throw problem;
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

function query(parameters: Record<string, string | undefined>): string {
  const used = Object.entries(parameters).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return used.length ? `?${new URLSearchParams(used)}` : "";
}

function post<T>(path: string, body: unknown, version?: number): Promise<T> {
  return request<T>(path, version === undefined ? { method: "POST", body } : { method: "POST", body, version });
}

export const api = {
  demo: () => request<DemoAnswer>("/demo", { anonymous: true }),
  session: () => request<SessionAnswer>("/session", { anonymous: true }),
  checkSession: () => request<SessionAnswer>("/session"),
  logIn: (name: string, password: string) =>
    request<SessionAnswer>("/session", { method: "POST", body: { name, password }, anonymous: true }),
  methods: () => request<LogInMethods>("/session/methods", { anonymous: true }),
  accounts: async () => (await request<{ items: KeptAccount[] }>("/accounts")).items,
  keys: async () => (await request<{ items: KeptKey[] }>("/keys")).items,
  /** Where the city's own log-in is still to be told, its answer says where. */
  createAccount: (wanted: NewAccount) => post<KeptAccount>("/accounts", wanted),
  changeAccount: (name: string, change: { role: string; department: string | null } | { password: string } | { disabled: boolean }) =>
    request<KeptAccount>(`/accounts/${encodeURIComponent(name)}`, { method: "PATCH", body: change }),
  createKey: (wanted: NewKey) => post<KeptKey & { key: string }>("/keys", wanted),
  revokeKey: (name: string) => request<KeptKey>(`/keys/${encodeURIComponent(name)}`, { method: "DELETE" }),
  reports: (wanted: { only?: "waiting" | "dismissed"; case_id?: string; cursor?: string }) =>
    request<Page<CitizenReport>>(`/reports${query({ ...(wanted.only && { [wanted.only]: "true" }), case_id: wanted.case_id, cursor: wanted.cursor })}`),
  report: (id: string) => request<ReportDetail>(`/reports/${encodeURIComponent(id)}`),
  placeReport: (id: string, lon: number, lat: number) => post<ReportDetail>(`/reports/${encodeURIComponent(id)}/place`, { lon, lat }),
  dismissReport: (id: string, reason: string) => post<ReportDetail>(`/reports/${encodeURIComponent(id)}/dismiss`, { reason }),
  linkReport: (id: string, caseId: string, reason: string) => post<ReportDetail>(`/reports/${encodeURIComponent(id)}/link`, { case_id: caseId, reason }),
  reportContact: async (id: string, reason: string) =>
    (await post<{ contact: Record<string, string> }>(`/reports/${encodeURIComponent(id)}/contact`, { reason })).contact,
  receivers: async () => (await request<{ items: ReceiverItem[] }>("/receivers")).items,
  addReceiver: (wanted: NewReceiver) => post<ReceiverItem & { secret: string | null }>("/receivers", wanted),
  disableReceiver: (name: string, reason: string) => post<ReceiverItem>(`/receivers/${encodeURIComponent(name)}/disable`, { reason }),
  enableReceiver: (name: string) => post<ReceiverItem>(`/receivers/${encodeURIComponent(name)}/enable`, {}),
  tellBelow: (name: string, withBelow: boolean) => post<ReceiverItem>(`/receivers/${encodeURIComponent(name)}/below`, { with_below: withBelow }),
  tellIn: (name: string, language: Language) => post<ReceiverItem>(`/receivers/${encodeURIComponent(name)}/language`, { language }),
  rotateReceiver: (name: string) => post<ReceiverItem & { secret: string | null }>(`/receivers/${encodeURIComponent(name)}/rotate`, {}),
  testReceiver: (name: string) => post<DeliveryDetail>(`/receivers/${encodeURIComponent(name)}/test`, {}),
  deliveries: (wanted: { state?: string; receiver?: string; cursor?: string }) => request<Page<DeliveryItem>>(`/deliveries${query(wanted)}`),
  delivery: (id: number) => request<DeliveryDetail>(`/deliveries/${id}`),
  replayDelivery: (id: number) => post<DeliveryDetail>(`/deliveries/${id}/replay`, {}),
  replayDead: async (receiver: string) => (await post<{ replayed: number }>("/deliveries/replay", { receiver })).replayed,
  events: (wanted: { kind?: string; at_until?: string; cursor?: string }) => request<Page<EventItem>>(`/events${query({ ...wanted, newest: "true" })}`),
  logOut: () => request<{ provider: { name: string; url: string } } | undefined>("/session", { method: "DELETE" }),
  changePassword: (old: string, wanted: string) => request<void>("/session/password", { method: "PUT", body: { old, new: wanted }, anonymous: true }),
  summary: () => request<Summary>("/summary"),
  flights: async () => (await request<{ items: Flight[] }>("/flights")).items,
  flight: (id: string) => request<Flight>(`/flights/${encodeURIComponent(id)}`),
  photos: (id: string) =>
    request<FeatureCollection<PolygonGeometry | null, PhotoProperties>>(`/flights/${encodeURIComponent(id)}/photos.geojson`),
  zones: () => request<FeatureCollection<PolygonGeometry | LineGeometry, ZoneProperties>>("/zones.geojson"),
  cases: (limit: number) => request<CaseCollection>(`/cases.geojson${query({ limit: String(limit) })}`),
  casesIn: (box: Box, wanted: CaseQuery, limit: number, signal?: AbortSignal) =>
    request<CaseCollection>(`/cases.geojson${query({ bbox: bboxOf(box), ...wanted, limit: String(limit) })}`, { signal }),
  clustersIn: (box: Box, columns: number, wanted: CaseQuery, signal?: AbortSignal) =>
    request<ClusterCollection>(`/case-clusters.geojson${query({ bbox: bboxOf(box), columns: String(columns), ...wanted })}`, { signal }),
  casePage: (wanted: CaseQuery, { limit, cursor, signal }: { limit: number; cursor?: string | undefined; signal?: AbortSignal }) =>
    request<CasePage>(`/cases${query({ ...wanted, limit: String(limit), cursor })}`, { signal }),
  case: async (id: string): Promise<CaseDetail> => caseDetail(await request<CaseAnswer>(`/cases/${encodeURIComponent(id)}`)),
  openCases: async () => (await request<{ items: CaseProperties[] }>(`/cases${query({ state: OPEN_STATES.join(","), limit: "200" })}`)).items,
  moveCase: async (id: string, change: Change): Promise<void> => {
    await request(`/cases/${encodeURIComponent(id)}/transitions`, { method: "POST", body: change });
  },
  /** Makes a case of its own of some observations; gives its id. */
  splitCase: async (id: string, observations: string[], reason: string): Promise<string> =>
    (await request<CaseAnswer>(`/cases/${encodeURIComponent(id)}/split`, { method: "POST", body: { observations, reason } })).case_id,
  departments: async () => (await request<{ items: Department[] }>("/departments")).items,
  tasks: async (): Promise<Task[]> => {
    const tasks: Task[] = [];
    let cursor: string | undefined;
    do {
      const page: TaskPage = await request<TaskPage>(`/tasks${query({ cursor })}`);
      tasks.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor);
    return tasks;
  },
  task: (id: string) => request<Task>(`/tasks/${encodeURIComponent(id)}`),
  moveTask: async (id: string, change: Change): Promise<void> => {
    await request(`/tasks/${encodeURIComponent(id)}/transitions`, { method: "POST", body: change });
  },
  visitSuggestions: (day: string) => request<SuggestionList>(`/visits/suggestions${query({ day })}`),
  visits: async () => (await request<{ items: VisitItem[] }>("/visits")).items,
  visit: (id: string) => request<VisitDetail>(`/visits/${encodeURIComponent(id)}`),
  planVisit: (day: string, caseIds: string[]) => post<VisitDetail>("/visits", { day, case_ids: caseIds }),
  moveVisit: (visit: VisitDetail, to: string, reason = "") =>
    post<VisitDetail>(`/visits/${encodeURIComponent(visit.visit_id)}/transitions`, { to, reason }, visit.version),
  reportLine: (visit: VisitDetail, line: number, told: { result: LineResult; note: string; checks: Record<string, CheckAnswer> }) =>
    post<VisitDetail>(`/visits/${encodeURIComponent(visit.visit_id)}/lines/${line}`, told, visit.version),
  signVisit: (visit: VisitDetail, signature: { name: string; form: "typed" | "drawn"; strokes: Stroke[] }) =>
    post<VisitDetail>(`/visits/${encodeURIComponent(visit.visit_id)}/signatures`, signature, visit.version),
  setActCode: (visit: VisitDetail, code: string) =>
    post<VisitDetail>(`/visits/${encodeURIComponent(visit.visit_id)}/act-codes`, { code }, visit.version),
  weather: () => request<Weather>("/storms/current"),
  storm: (id: string) => request<StormDetail>(`/storms/${encodeURIComponent(id)}`),
  beginStorm: (name: string) => post<StormDetail>("/storms", { name }),
  endStorm: (storm: StormDetail, reason: string) =>
    post<StormDetail>(`/storms/${encodeURIComponent(storm.storm_id)}/end`, { reason }, storm.version),
  tellUnits: (storm: StormDetail) => post<{ told: string[] }>(`/storms/${encodeURIComponent(storm.storm_id)}/tables`, {}, storm.version),
  figures: (month: string) => request<FiguresAnswer>(`/figures${query({ month })}`),
  figuresCsv: (month: string) => `${ROOT}/figures.csv${query({ month })}`,
  basemap: async (): Promise<Basemap | null> => {
    try {
      return await request<Basemap>("/basemap");
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  },
};

type CaseAnswer = Omit<CaseDetail, "observations_list" | "observations"> & { observations: CaseObservation[] };

/** One case as the pages use it: `observations` is a count everywhere, the records stand in `observations_list`. */
export function caseDetail(answer: CaseAnswer): CaseDetail {
  return { ...answer, observations: answer.observations.length, observations_list: answer.observations };
}

export function isCaseFeature(value: unknown): value is CaseFeature {
  const candidate = value as Partial<CaseFeature> | null;
  return candidate?.geometry?.type === "Point" && typeof candidate.properties?.case_id === "string";
}
