/** Requests to our own service: cookie session, CSRF header on writes, problem+json turned into one error type. */

import type {
  Basemap, CaseDetail, CaseFeature, CaseObservation, CaseProperties, DemoAnswer, FeatureCollection, Flight, LineGeometry,
  PhotoProperties, PointGeometry, PolygonGeometry, SessionAnswer, Summary, Task, TaskPage, ZoneProperties, Feature,
} from "./types";

const ROOT = "/api/v1";

/** An answer that was not a success; `status` 0 means that the service could not be reached at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly allowed: string[] = [],
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
    const body = (await answer.json()) as { title?: string; detail?: unknown; allowed?: unknown };
    const detail = typeof body.detail === "string" ? body.detail : "";
    return new Problem(answer.status, body.title ?? answer.statusText, detail, allowedNames(body.allowed));
  } catch {
    return new Problem(answer.status, answer.statusText, "");
  }
}

interface RequestOptions {
  method?: string;
  body?: unknown;
  /** An unanswered log-in (401) is an answer here, not an expired session. */
  anonymous?: boolean;
}

async function request<T>(path: string, { method = "GET", body, anonymous = false }: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken) headers["X-CSRF-Token"] = csrfToken;
  let answer: Response;
  try {
    answer = await fetch(ROOT + path, { method, headers, credentials: "same-origin", body: body === undefined ? null : JSON.stringify(body) });
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

export const api = {
  demo: () => request<DemoAnswer>("/demo", { anonymous: true }),
  session: () => request<SessionAnswer>("/session", { anonymous: true }),
  logIn: (name: string, password: string) =>
    request<SessionAnswer>("/session", { method: "POST", body: { name, password }, anonymous: true }),
  logOut: () => request<void>("/session", { method: "DELETE" }),
  summary: () => request<Summary>("/summary"),
  flights: async (): Promise<Flight[]> => {
    const answer = await request<Flight[] | { items: Flight[] }>("/flights");
    return Array.isArray(answer) ? answer : answer.items;
  },
  flight: (id: string) => request<Flight>(`/flights/${encodeURIComponent(id)}`),
  photos: (id: string) =>
    request<FeatureCollection<PolygonGeometry | null, PhotoProperties>>(`/flights/${encodeURIComponent(id)}/photos.geojson`),
  zones: () => request<FeatureCollection<PolygonGeometry | LineGeometry, ZoneProperties>>("/zones.geojson"),
  cases: () => request<FeatureCollection<PointGeometry, CaseProperties>>("/cases.geojson"),
  case: async (id: string): Promise<CaseDetail> => caseDetail(await request<RawCase>(`/cases/${encodeURIComponent(id)}`)),
  moveCase: async (id: string, to: string, reason?: string): Promise<void> => {
    await request(`/cases/${encodeURIComponent(id)}/transitions`, { method: "POST", body: reason ? { to, reason } : { to } });
  },
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
  moveTask: (id: string, to: string, reason?: string) =>
    request<unknown>(`/tasks/${encodeURIComponent(id)}/transitions`, { method: "POST", body: reason ? { to, reason } : { to } }),
  basemap: async (): Promise<Basemap | null> => {
    try {
      return await request<Basemap>("/basemap");
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  },
};

type CaseBody = Omit<CaseDetail, "observations_list" | "observations"> & {
  observations: CaseObservation[] | number;
  geometry?: PointGeometry;
};
type RawCase = CaseBody | Feature<PointGeometry, Omit<CaseBody, "geometry">>;

/** A case as one flat record, whether the service wrapped it as a GeoJSON feature or not. */
export function caseDetail(raw: RawCase): CaseDetail {
  const body = ("properties" in raw ? { ...raw.properties, geometry: raw.geometry } : raw) as CaseBody;
  const list = Array.isArray(body.observations) ? body.observations : [];
  const [lon, lat] = body.geometry?.coordinates ?? [body.lon, body.lat];
  return {
    ...body,
    lon: lon as number,
    lat: lat as number,
    observations: Array.isArray(body.observations) ? list.length : body.observations,
    observations_list: list,
  };
}

export function isCaseFeature(value: unknown): value is CaseFeature {
  const candidate = value as Partial<CaseFeature> | null;
  return candidate?.geometry?.type === "Point" && typeof candidate.properties?.case_id === "string";
}
