/** The running clocks of a case, out of the service's `clocks` object (`<name>_due_at`, or `{name: {due_at}}`). */

export interface Clock {
  name: string;
  dueAt: string;
}

function dueOf(value: unknown): string | null {
  if (typeof value === "string") return Number.isNaN(Date.parse(value)) ? null : value;
  if (value && typeof value === "object") return dueOf((value as Record<string, unknown>).due_at ?? (value as Record<string, unknown>).deadline_at);
  return null;
}

/** Clocks that have a time when they run out, the earliest first. */
export function clocksOf(clocks: Record<string, unknown> | null | undefined): Clock[] {
  const found: Clock[] = [];
  for (const [key, value] of Object.entries(clocks ?? {})) {
    const dueAt = dueOf(value);
    if (dueAt) found.push({ name: key.replace(/_?(due|deadline)?_at$/, ""), dueAt });
  }
  return found.sort((a, b) => Date.parse(a.dueAt) - Date.parse(b.dueAt));
}
