/** A refusal in the reader's language; the service itself explains in English. */

import type { Problem } from "../api/client";
import { useLanguage } from "../i18n";
import { asProblem } from "./load";

export function useRefusal() {
  const { t, te } = useLanguage();

  /** What a person is told; empty where the log-in page tells it already. */
  function wordsOf(error: unknown): string {
    const problem: Problem = asProblem(error);
    if (problem.status === 401) return "";
    if (problem.status === 0) return t("state.unreachable");
    if (problem.status === 412) return t("visit.changedMeanwhile");
    const field = problem.field.split(".").at(-1) ?? "";
    const known = [`refusal.${problem.kind}`, `refusal.field.${field}`].find((key) => te(key));
    if (known) return t(known);
    if (problem.status === 403) return t("action.forbidden");
    if (problem.status === 404) return t("state.notFound");
    return t("action.failed", { detail: problem.message });
  }

  return { wordsOf };
}
