/** A city with more cases than a page can hold: what is asked of the service, and what of it is shown. Pure. */

import type { CaseColour, CaseFeature, CaseItem, Summary } from "../api/types";
import { awaitsReview, OPEN_STATES, passes, type CaseFilter } from "./matter";

/** Up to so many cases are held by the page, all of them; of more, what is in view and what is urgent. */
export const SMALL_CITY = 1_000;
/** So many cases are drawn one by one at most; more are counted by place. */
export const MOST_DRAWN = 300;
/** A page of the list. */
export const LIST_PAGE = 100;

/** The order of the list: the service gives each of them newest first. */
export const BY_URGENCY: readonly CaseColour[] = ["red", "yellow", "green"];

/** The filter as the service knows it: it finds numbers, not addresses, and without a state what has not ended. */
export interface CaseQuery {
  state: string;
  matter: string;
  colour: string;
  number: string;
}

const LONGEST_NUMBER = 32;

export function queryOf(filter: CaseFilter): CaseQuery {
  return { state: filter.state || OPEN_STATES.join(","), matter: filter.matter, colour: filter.colour, number: filter.text.trim().slice(0, LONGEST_NUMBER) };
}

/** Whether the service would give this case for the filter. */
export function fits(filter: CaseFilter, properties: CaseFeature["properties"]): boolean {
  const { number } = queryOf(filter);
  if (!filter.state && !OPEN_STATES.includes(properties.state)) return false;
  return passes({ ...filter, text: "" }, properties) && properties.number.includes(number);
}

/** A case of a list as a feature of a map. */
export function featureOf(item: CaseItem): CaseFeature {
  return { type: "Feature", geometry: { type: "Point", coordinates: [item.lon, item.lat] }, properties: item };
}

function rank(feature: CaseFeature): number {
  const found = BY_URGENCY.indexOf(feature.properties.colour as CaseColour);
  return found < 0 ? BY_URGENCY.length : found;
}

interface Change {
  /** Whether the case belongs into the list as it is now. */
  wanted: boolean;
  /** Whether it was opened just now, so that it stands before all others of its colour. */
  isNew: boolean;
  /** So many colours, the most urgent first, are in the list with every case they have. */
  complete: number;
}

/** The list after a case changed; the same list where that changes nothing in it. */
export function withChange(rows: CaseFeature[], feature: CaseFeature, { wanted, isNew, complete }: Change): CaseFeature[] {
  const at = rows.findIndex((row) => row.properties.case_id === feature.properties.case_id);
  const before = at < 0 ? undefined : rows[at];
  if (before && wanted && rank(before) === rank(feature)) return rows.with(at, feature);
  const others = before ? rows.toSpliced(at, 1) : rows;
  // Of a colour that is not read to its end, an older case comes with its own page.
  const place = others.findIndex((row) => rank(row) >= rank(feature));
  const belongs = wanted && (rank(feature) < complete || (place >= 0 && (isNew || before !== undefined)));
  if (!belongs) return others;
  return others.toSpliced(place < 0 ? others.length : place, 0, feature);
}

/** Rows and what came after them; a case that moved up meanwhile is not shown twice. */
export function withPage(rows: CaseFeature[], page: CaseFeature[]): CaseFeature[] {
  const known = new Set(rows.map((row) => row.properties.case_id));
  return [...rows, ...page.filter((row) => !known.has(row.properties.case_id))];
}

export interface Counts {
  red: number;
  yellow: number;
  green: number;
}

/** The most urgent colour in a heap of cases: one red one must not vanish among a hundred green ones. */
export function worst(counts: Counts): CaseColour | null {
  return BY_URGENCY.find((colour) => counts[colour] > 0) ?? null;
}

export interface Tally extends Counts {
  total: number;
  review: number;
}

/** The figures over the list: of all cases that the page holds. */
export function tallyOf(cases: CaseFeature[]): Tally {
  const tally: Tally = { total: cases.length, red: 0, yellow: 0, green: 0, review: 0 };
  for (const { properties } of cases) {
    if (properties.colour) tally[properties.colour] += 1;
    if (awaitsReview(properties.state)) tally.review += 1;
  }
  return tally;
}

/** The same as the service counts them, of what has not ended. */
export function tallyOfOpen(summary: Summary): Tally {
  const { open_by_colour: colours, cases_by_state: states } = summary;
  const review = Object.entries(states).reduce((sum, [state, n]) => sum + (awaitsReview(state) ? n : 0), 0);
  const [red, yellow, green] = [colours.red ?? 0, colours.yellow ?? 0, colours.green ?? 0];
  return { total: Object.values(colours).reduce((sum, n) => sum + n, 0), red, yellow, green, review };
}
