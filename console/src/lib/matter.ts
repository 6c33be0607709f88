/** Which family a matter belongs to, and in which visual class a case falls. Pure: used by lists and by the map. */

import type { CaseColour } from "../api/types";

export const FAMILIES = ["water", "waste", "fishing", "river", "vehicle", "other"] as const;
export type Family = (typeof FAMILIES)[number];

const FAMILY_OF_PREFIX: Record<string, Family> = {
  waterlogging: "water",
  dumping: "waste",
  fishing: "fishing",
  river: "river",
  truck: "vehicle",
};

/** "dumping.household" → "waste"; anything unheard of is "other". */
export function familyOf(matter: string | null | undefined): Family {
  return FAMILY_OF_PREFIX[(matter ?? "").split(".")[0] ?? ""] ?? "other";
}

/** States of cases that have not ended, as the service counts them. */
export const OPEN_STATES: readonly string[] = [
  "detected", "pending_review", "opened", "dispatched", "returned", "arbitration", "in_progress", "suspended", "reported_done", "pending_verify", "unverifiable", "reworked",
];

const ENDED = new Set(["closed", "rejected", "merged"]);

/** Whether work on the case is over: such cases are drawn grey. */
export function hasEnded(state: string): boolean {
  return ENDED.has(state);
}

/** Whether a person still has to look before anything may happen: such cases are hatched. */
export function awaitsReview(state: string): boolean {
  return state === "pending_review" || state === "detected";
}

export interface MarkerLook {
  family: Family;
  tone: CaseColour | "ended" | "none";
  hatched: boolean;
}

/** Shape by matter, tone by colour (grey when ended), hatch while a review is pending. */
export function markerLook(properties: { matter: string; state: string; colour: CaseColour | null }): MarkerLook {
  return {
    family: familyOf(properties.matter),
    tone: hasEnded(properties.state) ? "ended" : (properties.colour ?? "none"),
    hatched: awaitsReview(properties.state),
  };
}

export interface CaseFilter {
  text: string;
  state: string;
  matter: string;
  colour: string;
}

export const NO_FILTER: CaseFilter = { text: "", state: "", matter: "", colour: "" };

interface Filterable {
  number: string;
  matter: string;
  state: string;
  colour: CaseColour | null;
  address: string | null;
  grid_code: string | null;
  grid_name: string | null;
}

/** Whether a case passes the filter; empty fields let everything through, text is looked for without regard to case. */
export function passes(filter: CaseFilter, properties: Filterable): boolean {
  if (filter.state && properties.state !== filter.state) return false;
  if (filter.matter && properties.matter !== filter.matter) return false;
  if (filter.colour && properties.colour !== filter.colour) return false;
  const text = filter.text.trim().toLowerCase();
  if (!text) return true;
  return [properties.number, properties.address, properties.grid_code, properties.grid_name].some((field) => field?.toLowerCase().includes(text));
}

const URGENCY: Record<string, number> = { red: 0, yellow: 1, green: 2 };

/** Red first, ended last, the newest first among equals. */
export function byUrgency(
  a: { state: string; colour: CaseColour | null; last_seen_at: string; number: string },
  b: { state: string; colour: CaseColour | null; last_seen_at: string; number: string },
): number {
  const ended = Number(hasEnded(a.state)) - Number(hasEnded(b.state));
  if (ended !== 0) return ended;
  const urgency = (URGENCY[a.colour ?? ""] ?? 3) - (URGENCY[b.colour ?? ""] ?? 3);
  if (urgency !== 0) return urgency;
  return b.last_seen_at.localeCompare(a.last_seen_at) || a.number.localeCompare(b.number);
}
