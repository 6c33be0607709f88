/** The service writes its own reasons in English and by rule: here they become words of the reader's language. */

import type { HistoryEvent, Rule } from "../api/types";
import zh from "../i18n/zh";

export interface Phrase {
  /** Key of a message, with what it takes; or plain `text` that stands as it was written. */
  key?: string;
  values?: Record<string, string>;
  text?: string;
}

const AUTO_LEVEL = /^confidence ([\d.]+) reaches the auto level ([\d.]+) of (\S+)$/;
const REFUSED = /^refused (\d+) times$/;
const SEEN_AGAIN = /^seen again: (\S+)$/;
const FIXED: Record<string, string> = {
  "signed by every lead": "why.signed",
  "another department leads now": "why.newLead",
  "case closed": "why.caseClosed",
};
const REVIEW_REASONS = /^[a-z_]+(, [a-z_]+)*$/;

/** Why an event happened, as phrases to be joined; people's own words stay as they are. */
export function reasonsOf(event: Pick<HistoryEvent, "who" | "why" | "to" | "data">, rule: Pick<Rule, "text_zh" | "text_en"> | null): Phrase[] {
  const why = event.why?.trim();
  if (!why) return [];
  if (!event.who.startsWith("system:")) return codedOf(event.data?.reason_code, why);
  if (rule && why === rule.text_en) return [{ key: "why.rule", values: { zh: rule.text_zh, en: rule.text_en } }];
  const level = AUTO_LEVEL.exec(why);
  if (level) return [{ key: "why.autoLevel", values: { confidence: level[1] ?? "", level: level[2] ?? "" } }];
  const refused = REFUSED.exec(why);
  if (refused) return [{ key: "why.refused", values: { n: refused[1] ?? "" } }];
  const again = SEEN_AGAIN.exec(why);
  if (again) return [{ key: "why.seenAgain", values: { number: again[1] ?? "" } }];
  if (FIXED[why]) return [{ key: FIXED[why] }];
  if (event.to === "pending_review" && REVIEW_REASONS.test(why)) return why.split(", ").map((code) => ({ key: `reviewReason.${code}`, text: code }));
  return [{ text: why }];
}

/** A reviewer's code in the reader's language, and the words beside it; the code alone was written down in Chinese. */
function codedOf(code: unknown, why: string): Phrase[] {
  if (typeof code !== "string") return [{ text: why }];
  const coded = { key: `rejection.${code}`, text: code };
  return why === zh.rejection[code as keyof typeof zh.rejection] ? [coded] : [coded, { text: why }];
}
