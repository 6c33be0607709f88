/** Moves between states: their order as buttons, and what a person's answers become on the wire. */

import type { AllowedMove, Change } from "../api/types";

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
  lead: string;
  until: string;
  duplicateOf: string;
  department: string;
}

export const NO_ANSWERS: Answers = { reason: "", lead: "", until: "", duplicateOf: "", department: "" };

const NEEDED = [
  ["needs_reason", "reason"],
  ["needs_lead", "lead"],
  ["needs_date", "until"],
  ["needs_duplicate_of", "duplicateOf"],
  ["needs_department", "department"],
] as const;

/** The first thing that the move needs and that is not answered yet. */
export function firstMissing(move: AllowedMove, answers: Answers): keyof Answers | null {
  return NEEDED.find(([need, field]) => move[need] && !answers[field].trim())?.[1] ?? null;
}

/** The request's body: only what this move takes; the local date and time becomes UTC. */
export function changeOf(move: AllowedMove, answers: Answers): Change {
  const reason = answers.reason.trim();
  return {
    to: move.to,
    ...(reason ? { reason } : {}),
    ...(move.needs_lead ? { lead: answers.lead } : {}),
    ...(move.needs_date ? { until: new Date(answers.until).toISOString() } : {}),
    ...(move.needs_duplicate_of ? { duplicate_of: answers.duplicateOf } : {}),
    ...(move.needs_department ? { department: answers.department } : {}),
  };
}
