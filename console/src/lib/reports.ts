/** A citizen's report in a word, and on the map. */

import type { CitizenReport } from "../api/desk";
import type { CaseFeature, LonLat } from "../api/types";
import { useLanguage } from "../i18n";

/** Where a report stands, in the language at hand. */
export function useStanding(): (one: CitizenReport) => string {
  const { t, said } = useLanguage();
  return (one) => {
    if (one.dismissed) return t("report.dismissed");
    if (one.waits) return t(one.case ? "report.waits" : "report.noPlace");
    return one.case ? said(one.case, "state") : t("report.counted");
  };
}

/** A pin that somebody sets with a finger: one sigma, as the service counts it. */
const PIN_SIGMA_M = 20;

/** A place as the map draws one that waits for a person. */
export function asPin(id: string, matter: string, place: LonLat): CaseFeature {
  const properties = { case_id: id, matter, state: "pending_review", colour: null, error: { major_m: PIN_SIGMA_M, minor_m: PIN_SIGMA_M, azimuth_deg: 0 }, ellipse95: null, footprint: null };
  return { type: "Feature", geometry: { type: "Point", coordinates: place }, properties: properties as unknown as CaseFeature["properties"] };
}
