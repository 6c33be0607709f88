/** Requests to our own service: cookie session, CSRF header on writes, problem+json turned into one error type. */

import type {
  Basemap, CaseDetail, CaseFeature, CaseObservation, CaseProperties, Change, DemoAnswer, Department, FeatureCollection, Flight,
  LineGeometry, PhotoProperties, PointGeometry, PolygonGeometry, SessionAnswer, Summary, Task, TaskPage, ZoneProperties,
} from "./types";

const ROOT = "/api/v1";
const OPEN_STATES = "pending_review,opened,dispatched,returned,arbitration,in_progress,suspended,reported_done,pending_verify,unverifiable,reworked";

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
  checkSession: () => request<SessionAnswer>("/session"),
  logIn: (name: string, password: string) =>
    request<SessionAnswer>("/session", { method: "POST", body: { name, password }, anonymous: true }),
  logOut: () => request<void>("/session", { method: "DELETE" }),
  summary: () => request<Summary>("/summary"),
  flights: async () => (await request<{ items: Flight[] }>("/flights")).items,
  flight: (id: string) => request<Flight>(`/flights/${encodeURIComponent(id)}`),
  photos: (id: string) =>
    request<FeatureCollection<PolygonGeometry | null, PhotoProperties>>(`/flights/${encodeURIComponent(id)}/photos.geojson`),
  zones: () => request<FeatureCollection<PolygonGeometry | LineGeometry, ZoneProperties>>("/zones.geojson"),
  cases: () => request<FeatureCollection<PointGeometry, CaseProperties>>("/cases.geojson"),
  case: async (id: string): Promise<CaseDetail> => caseDetail(await request<CaseAnswer>(`/cases/${encodeURIComponent(id)}`)),
  openCases: async () => (await request<{ items: CaseProperties[] }>(`/cases${query({ state: OPEN_STATES, limit: "200" })}`)).items,
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
      cursor = page.next === null ? undefined : String(page.next);
    } while (cursor);
    return tasks;
  },
  task: (id: string) => request<Task>(`/tasks/${encodeURIComponent(id)}`),
  moveTask: async (id: string, change: Change): Promise<void> => {
    await request(`/tasks/${encodeURIComponent(id)}/transitions`, { method: "POST", body: change });
  },
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
