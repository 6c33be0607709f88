/** Joint visits, storms and monthly figures, as the service tells them. */

import type { CaseColour, ErrorEllipse } from "./types";

interface Named {
  department: string;
  department_zh: string;
  department_en: string;
}

export interface PlaceCase {
  case_id: string;
  number: string;
  matter: string;
  matter_zh: string;
  matter_en: string;
  state: string;
  state_zh: string;
  state_en: string;
  colour: CaseColour | null;
  address: string | null;
  lon: number;
  lat: number;
  error: ErrorEllipse;
}

export interface Suggestion {
  lon: number;
  lat: number;
  address: string | null;
  cases: PlaceCase[];
  departments: Named[];
  tasks: number;
  deadline_at: string | null;
  falls_due: boolean;
}

export interface SuggestionList {
  day: string;
  near_m: number;
  items: Suggestion[];
}

export interface VisitItem {
  visit_id: string;
  version: number;
  number: string;
  day: string;
  state: string;
  state_zh: string;
  state_en: string;
  lon: number;
  lat: number;
  address: string | null;
  departments: Named[];
  cases: number;
  lines: number;
  reported: number;
}

export type LineResult = "done" | "not_done" | "nothing_found";
export type CheckAnswer = "ok" | "problem" | "not_applicable";

export interface VisitLine extends Named {
  line_id: number;
  task_id: number;
  kind: string;
  task_state_zh: string;
  task_state_en: string;
  deadline_at: string | null;
  result: LineResult | null;
  result_zh: string | null;
  result_en: string | null;
  note: string;
  checks: Record<string, CheckAnswer>;
  done_at: string | null;
  done_by: string | null;
  writable: boolean;
}

export interface ChecklistPoint {
  key: string;
  zh: string;
  en: string;
  kind: "look" | "evidence";
}

export interface VisitStop extends PlaceCase {
  picture_url: string | null;
  checklist: ChecklistPoint[];
  lines: VisitLine[];
}

export type Stroke = [number, number][];

export interface SignatureOf extends Named {
  party: string;
  name: string;
  form: "typed" | "drawn";
  strokes: Stroke[];
  at: string;
  /** Whether nothing of what was signed was changed since. */
  holds: boolean;
}

export interface VisitDetail extends VisitItem {
  stop: VisitStop[];
  signatures: SignatureOf[];
  act_codes: (Named & { party: string; code: string; at: string })[];
  act_code_note: { zh: string; en: string };
  may_sign: boolean;
  started_at: string | null;
  ended_at: string | null;
  seal: string | null;
  seal_holds: boolean | null;
  allowed: { to: string; label_zh: string; label_en: string; needs_reason: boolean }[];
}

export interface StormItem {
  storm_id: string;
  version: number;
  number: string;
  name: string;
  state: string;
  started_at: string;
  ended_at: string | null;
  cases: number;
}

export interface Weather {
  storm: StormItem | null;
  suggestion: { cases: number; case_ids: string[]; since: string; needed: number } | null;
}

export interface StormRow {
  rank: number;
  case_id: string;
  number: string;
  address: string | null;
  grid_name: string | null;
  colour: CaseColour | null;
  state: string;
  state_zh: string;
  state_en: string;
  overdue: boolean;
  extent_m2: number | null;
  extent_sigma_m2: number | null;
  danger: { score: number; factors: { key: string; points: number; known: boolean; zh: string; en: string }[]; unknown: string[] };
  tasks: (Named & { task_id: number; state: string; state_zh: string; state_en: string; deadline_at: string | null })[];
}

export interface StormDetail extends StormItem {
  table: StormRow[];
  units: (Named & { tasks: number; told_at: string | null })[];
}

export const RATES = ["closing_rate", "on_time_rate", "rework_rate", "delay_rate", "recurrence_rate"] as const;
export type Rate = (typeof RATES)[number];

export interface FigureLine extends Record<Rate, number | null> {
  department: string | null;
  department_zh: string;
  department_en: string;
  matter: string | null;
  matter_zh: string;
  matter_en: string;
  dispatched: number;
  closed: number;
  with_deadline: number;
  on_time: number;
  reported: number;
  reworked: number;
  put_off: number;
  recurred: number;
  suspended_h: number;
}

export interface FiguresAnswer {
  month: string;
  lines: FigureLine[];
}

/** What flights said of a case since its work was reported done. */
export interface FlightVerdict {
  seq: number;
  at: string;
  verdict: "fixed" | "not_fixed" | "not_visible";
  verdict_zh: string;
  verdict_en: string;
  flight_id: string;
  looks: number | null;
  resolution_m: number | null;
  lacks: string[];
  reason_zh: string | null;
  reason_en: string | null;
  before_url: string | null;
  after_url: string | null;
}
