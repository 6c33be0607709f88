/** Citizens' reports, deliveries to receivers, and the history, as the service tells them. */

import type { Language } from "../lib/format";
import type { CaseColour } from "./types";

export interface ReportedCase {
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
  /** Whether nothing but citizens' reports speaks for it. */
  from_citizens: boolean;
}

export interface CitizenReport {
  request_id: string;
  case_id: string | null;
  matter: string;
  matter_zh: string;
  matter_en: string;
  description: string;
  lon: number | null;
  lat: number | null;
  address: string | null;
  media_url: string | null;
  has_contact: boolean;
  requested_at: string;
  case: ReportedCase | null;
  /** Whether a person has to look at it. */
  waits: boolean;
  /** Who closed it though it names no place, and why; null where nobody did. */
  dismissed: { at: string; by: string; why: string } | null;
}

export interface ReportDetail extends CitizenReport {
  suggestions: (ReportedCase & { same_family: boolean; distance_m: number })[];
}

export interface ReceiverItem {
  name: string;
  kind: string;
  url: string;
  departments: string[] | null;
  /** Whether it gets the messages of all departments below its own too; `below` names these. */
  with_below: boolean;
  below: string[] | null;
  /** What people read whom a robot or a mail tells. */
  language: Language;
  enabled: boolean;
  disabled_why: string | null;
  paused_until: string | null;
  waiting: number;
  dead: number;
}

export interface NewReceiver {
  name: string;
  kind: string;
  url: string;
  secret?: string;
  departments?: string[];
  with_below?: boolean;
  language?: Language;
}

export const DELIVERY_STATES = ["pending", "delivered", "dead", "folded"] as const;

export interface DeliveryItem {
  delivery_id: number;
  message_id: string;
  receiver: string;
  type: string;
  subject: string;
  case_id: string | null;
  colour: CaseColour | null;
  state: (typeof DELIVERY_STATES)[number];
  attempts: number;
  posted_at: string;
  next_at: string | null;
  delivered_at: string | null;
  last_status: number | null;
  last_error: string | null;
}

export interface DeliveryDetail extends DeliveryItem {
  made: { at: string; status: number | null; error: string | null; took_s: number }[];
}

export interface EventItem {
  seq: number;
  at: string;
  who: string;
  kind: string;
  case_id: string | null;
  case_number: string | null;
  task_id: number | null;
  from: string | null;
  to: string | null;
  why: string | null;
  data: Record<string, unknown>;
  hash: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}
