/** The shapes of the REST contract (`/api/v1`), as the pages read them. Longitude before latitude, metres, ISO 8601 UTC. */

import type { FlightVerdict } from "./field";

export type Role = "operator" | "centre" | "handler" | "leader" | "auditor" | "admin";
export type CaseColour = "red" | "yellow" | "green";
export type LonLat = [number, number];

export interface Account {
  name: string;
  display_name_zh: string;
  display_name_en: string;
  role: Role;
  department: string | null;
}

export interface SessionAnswer {
  account: Account;
  csrf: string;
}

/** The ways to log in besides the password. */
export interface LogInMethods {
  oidc: { name: string; url: string } | null;
}

/** An account as whoever looks after accounts sees it. */
export interface KeptAccount extends Account {
  created_at: string;
  disabled_at: string | null;
}

export interface NewAccount {
  name: string;
  password: string;
  role: Role;
  department?: string;
  display_name_zh?: string;
  display_name_en?: string;
}

export interface NewKey {
  name: string;
  scopes: string[];
  department?: string;
  expires_at?: string;
}

export const SCOPES = ["sightings:write", "cases:read", "features:read", "reports:write"] as const;

/** A machine's key, without its secret. */
export interface KeptKey {
  name: string;
  scopes: string[];
  department: string | null;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

export interface DemoAccount {
  name: string;
  password: string;
  role: Role;
  display_name_zh: string;
  display_name_en: string;
}

export interface DemoAnswer {
  demo: boolean;
  accounts?: DemoAccount[];
}

/** One-sigma error ellipse: semi-axes in metres, azimuth of the major axis in degrees clockwise from true north. */
export interface ErrorEllipse {
  major_m: number;
  minor_m: number;
  azimuth_deg: number;
}

/** Web maps that show the place, in their own shifted coordinates. */
export interface MapLinks {
  amap: string;
  baidu: string;
}

export interface PointGeometry {
  type: "Point";
  coordinates: number[];
}

export interface PolygonGeometry {
  type: "Polygon";
  coordinates: number[][][];
}

export interface LineGeometry {
  type: "LineString";
  coordinates: number[][];
}

export interface Feature<G, P> {
  type: "Feature";
  geometry: G;
  properties: P;
}

export interface FeatureCollection<G, P> {
  type: "FeatureCollection";
  features: Feature<G, P>[];
}

export interface CaseProperties {
  case_id: string;
  number: string;
  matter: string;
  matter_zh: string;
  matter_en: string;
  label: string;
  state: string;
  state_zh: string;
  state_en: string;
  colour: CaseColour | null;
  confidence: number | null;
  error: ErrorEllipse | null;
  ellipse95: PolygonGeometry | null;
  footprint: PolygonGeometry | null;
  extent_m2: number | null;
  extent_sigma_m2?: number | null;
  address: string | null;
  grid_code: string | null;
  grid_name: string | null;
  first_seen_at: string;
  last_seen_at: string;
  observations: number;
  frames: number;
  thumbnail_url: string | null;
}

export type CaseFeature = Feature<PointGeometry, CaseProperties>;

/** A reason that may be given by its key. */
export interface ReasonCode {
  key: string;
  label_zh: string;
  label_en: string;
  /** What the reason says of the detector's label, and so what the case teaches. */
  label_is: "right" | "wrong" | "unknown";
}

export interface AllowedMove {
  to: string;
  label_zh: string;
  label_en: string;
  needs_reason: boolean;
  needs_lead?: boolean;
  needs_date?: boolean;
  needs_duplicate_of?: boolean;
  needs_department?: boolean;
  /** Reasons to choose from; one of them stands for a written reason, `other` does not. */
  reason_codes?: ReasonCode[];
}

/** What a move carries; the service says by the `needs_…` of an allowed move which of these it wants. */
export interface Change {
  to: string;
  reason?: string;
  reason_code?: string;
  lead?: string;
  until?: string;
  duplicate_of?: string;
  department?: string;
}

export interface Department {
  key: string;
  name_zh: string;
  name_en: string;
}

/** Another case that may be the same thing, or one that was rejected at the same place. */
export interface Suggestion {
  case_id: string;
  number: string | null;
  because: string;
}

/** Another case, as a link to it. */
export interface OtherCase {
  case_id: string;
  number: string | null;
}

/** The film around a finding, with people and plates hidden. */
export interface EvidenceClip {
  original_sha256: string;
  captured_at: string | null;
  film: string;
  seconds: number;
  cover_url: string;
  clip_url: string;
}

export interface EvidencePicture {
  original_sha256: string;
  captured_at: string | null;
  file_name: string | null;
  thumbnail_url: string;
  annotated_url: string;
  full_url: string;
}

export interface HistoryEvent {
  seq: number;
  at: string;
  who: string;
  kind: string;
  from: string | null;
  to: string | null;
  why: string | null;
  data?: Record<string, unknown>;
  hash: string;
}

export interface CaseObservation {
  key?: string;
  flight_id?: string | null;
  label?: string;
  confidence?: number | null;
  lon?: number;
  lat?: number;
  error?: ErrorEllipse | null;
  first_seen_at?: string;
  last_seen_at?: string;
  frames?: number;
  extent_m2?: number | null;
  extent_sigma_m2?: number | null;
}

export interface CaseTask {
  task_id: number;
  department: string;
  department_zh: string;
  department_en?: string;
  kind: "lead" | "co";
  state: string;
  state_zh: string;
  state_en: string;
  deadline_at: string | null;
  sign_deadline_at: string | null;
}

export interface Rule {
  id: string;
  text_zh: string;
  text_en: string;
  because_zh?: string | null;
  because_en?: string | null;
  basis: string | null;
  basis_en?: string | null;
}

export interface CaseDetail extends CaseProperties {
  lon: number;
  lat: number;
  observations_list: CaseObservation[];
  verification: FlightVerdict[];
  tasks: CaseTask[];
  events: HistoryEvent[];
  evidence: EvidencePicture[];
  clips: EvidenceClip[];
  allowed: AllowedMove[];
  /** Whether some of its observations may be made a case of their own. */
  may_split?: boolean;
  map_links?: MapLinks;
  rule: Rule | null;
  clocks: Record<string, unknown>;
  review_reasons?: string[];
  suggestions?: Suggestion[];
  duplicate_of?: string | null;
  duplicate_of_number?: string | null;
  /** Cases that were merged into this one, and may be taken out again. */
  merged_cases?: OtherCase[];
  /** Cases that a person took apart from this one. */
  not_same?: OtherCase[];
  recurrence_of?: string | null;
}

export interface Task {
  task_id: number;
  case_id: string;
  case_number: string;
  department: string;
  department_zh: string;
  department_en?: string;
  kind: "lead" | "co";
  state: string;
  state_zh: string;
  state_en: string;
  matter_zh: string;
  matter_en: string;
  matter?: string;
  colour: CaseColour | null;
  address: string | null;
  lon: number;
  lat: number;
  error: ErrorEllipse | null;
  extent_m2: number | null;
  extent_sigma_m2: number | null;
  map_links?: MapLinks;
  deadline_at: string | null;
  sign_deadline_at: string | null;
  basis: string | null;
  basis_en?: string | null;
  rule_text_zh: string | null;
  rule_text_en: string | null;
  rule_because_zh?: string | null;
  rule_because_en?: string | null;
  thumbnail_url: string | null;
  annotated_url: string | null;
  allowed: AllowedMove[];
  first_seen_at: string;
  last_seen_at: string;
  created_at: string;
}

export interface TaskPage {
  items: Task[];
  next: string | null;
}

/** A case of a list: its properties with its place. */
export interface CaseItem extends CaseProperties {
  lon: number;
  lat: number;
}

export interface CasePage {
  items: CaseItem[];
  next: string | null;
  /** How many there are on all pages; null where the service would have to look at them to know. */
  matched: number | null;
}

/** The newest cases of what was asked for; `truncated` says that there are more. */
export interface CaseCollection extends FeatureCollection<PointGeometry, CaseProperties> {
  truncated: boolean;
}

export interface ClusterProperties {
  count: number;
  red: number;
  yellow: number;
  green: number;
}

export type ClusterFeature = Feature<PointGeometry, ClusterProperties>;

/** Cases counted by place; `truncated` says that only the newest `counted` are in it. */
export interface ClusterCollection extends FeatureCollection<PointGeometry, ClusterProperties> {
  counted: number;
  truncated: boolean;
}

export interface Summary {
  cases: number;
  /** Of cases that have not ended. */
  open_by_colour: Record<string, number>;
  open_by_matter: Record<string, number>;
  matter_names: Record<string, { zh: string; en: string }>;
  cases_by_state: Record<string, number>;
  cases_by_colour: Record<string, number>;
  tasks_by_department: Record<string, number>;
  overdue: number;
  flights: number;
}

export interface Flight {
  flight_id: string;
  name: string;
  state: string;
  started_at: string | null;
  ended_at: string | null;
  planned_path: LineGeometry | null;
  track: LineGeometry | null;
  photos: number;
  /** When its first and its last picture was taken; old material may be analysed today. */
  seen_from: string | null;
  seen_until: string | null;
  figures: { videos?: { file: string; seconds?: number | null }[] } | null;
}

export interface PhotoProperties {
  name: string;
  taken_at: string | null;
  looked: boolean;
  reason: string | null;
}

export interface ZoneProperties {
  kind: string;
  code: string;
  name: string;
  basis?: string | null;
  valid_from?: string | null;
  valid_to?: string | null;
  class?: string | null;
  width_m?: number | null;
}

export interface Basemap {
  url: string;
  extent_lonlat: [number, number, number, number];
}
