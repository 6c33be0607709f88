/** Moves between states: their order as buttons, and what a person's answers become on the wire. */

import type { AllowedMove, Change, ReasonCode } from "../api/types";

const REFUSALS = new Set(["rejected", "refused", "returned", "merged", "reworked", "rework", "cancelled", "unverifiable", "handed_on", "suspended"]);

/** Whether a move turns work away; such buttons are outlined and stand last. */
export function isRefusal(to: string): boolean {
  return REFUSALS.has(to);
}

/** The likely next step first, moves that turn work away last; otherwise as the service lists them. */
export function ordered(moves: AllowedMove[]): AllowedMove[] {
  return [...moves].sort((a, b) => Number(isRefusal(a.to)) - Number(isRefusal(b.to)));
}

export interface Answers {
  reason: string;
  reasonCode: string;
  lead: string;
  until: string;
  duplicateOf: string;
  department: string;
}

export const NO_ANSWERS: Answers = { reason: "", reasonCode: "", lead: "", until: "", duplicateOf: "", department: "" };

const NEEDED = [
  ["needs_reason", "reason"],
  ["needs_lead", "lead"],
  ["needs_date", "until"],
  ["needs_duplicate_of", "duplicateOf"],
  ["needs_department", "department"],
] as const;

/** The code that asks for words: chosen alone it says nothing. */
const NEEDS_WORDS = "other";

/**
 * The first thing that the move needs and that is not answered yet; a chosen code stands for a written reason.
 * Where there are codes to choose from and nothing is answered, the code is asked for.
 */
export function firstMissing(move: AllowedMove, answers: Answers): keyof Answers | null {
  const coded = answers.reasonCode !== "" && answers.reasonCode !== NEEDS_WORDS;
  const missing = NEEDED.find(([need, field]) => move[need] && !answers[field].trim() && !(field === "reason" && coded))?.[1] ?? null;
  return missing === "reason" && move.reason_codes?.length && !answers.reasonCode ? "reasonCode" : missing;
}

/** Whether the words have to be written, whatever else is answered. */
export function needsWords(move: AllowedMove, answers: Answers): boolean {
  return move.needs_reason && (!move.reason_codes?.length || answers.reasonCode === NEEDS_WORDS);
}

const LABEL_IS = ["wrong", "right", "unknown"] as const;

/** The causes by what they say of the detector's label, empty groups left out. */
export function causesOf(move: AllowedMove): { labelIs: ReasonCode["label_is"]; codes: ReasonCode[] }[] {
  const codes = move.reason_codes ?? [];
  return LABEL_IS.map((labelIs) => ({ labelIs, codes: codes.filter((one) => one.label_is === labelIs) })).filter((group) => group.codes.length);
}

/** The request's body: only what this move takes; the local date and time becomes UTC. */
export function changeOf(move: AllowedMove, answers: Answers): Change {
  const reason = answers.reason.trim();
  return {
    to: move.to,
    ...(reason ? { reason } : {}),
    ...(move.reason_codes?.length && answers.reasonCode ? { reason_code: answers.reasonCode } : {}),
    ...(move.needs_lead ? { lead: answers.lead } : {}),
    ...(move.needs_date ? { until: new Date(answers.until).toISOString() } : {}),
    ...(move.needs_duplicate_of ? { duplicate_of: answers.duplicateOf } : {}),
    ...(move.needs_department ? { department: answers.department } : {}),
  };
}
