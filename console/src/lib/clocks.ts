/** The running clocks of a case, out of the service's `clocks` object. */

export interface Clock {
  name: "verify" | "sign" | "dispose";
  dueAt: string;
}

const CLOCKS = [
  ["verify", "verify_deadline_at", ["detected", "pending_review"]],
  ["sign", "sign_deadline_at", ["dispatched"]],
  ["dispose", "deadline_at", ["dispatched", "in_progress", "returned", "arbitration", "reworked"]],
] as const;

/** The deadlines that still count in this state of the case, the earliest first. */
export function clocksOf(clocks: Record<string, unknown> | null | undefined, state: string): Clock[] {
  const found: Clock[] = [];
  for (const [name, field, states] of CLOCKS) {
    const dueAt = clocks?.[field];
    if (typeof dueAt === "string" && (states as readonly string[]).includes(state)) found.push({ name, dueAt });
  }
  return found.sort((a, b) => Date.parse(a.dueAt) - Date.parse(b.dueAt));
}
