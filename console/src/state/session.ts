/** Who is logged in. */

import { computed, readonly, ref } from "vue";

import { api, Problem, setCsrf } from "../api/client";
import type { Account, SessionAnswer } from "../api/types";

const current = ref<Account | null>(null);
const asked = ref(false);
const expired = ref(false);

function enter(answer: SessionAnswer): void {
  setCsrf(answer.csrf);
  current.value = answer.account;
  asked.value = true;
  expired.value = false;
}

export const session = {
  account: readonly(current),
  expired: readonly(expired),
  isDepartment: computed(() => current.value !== null && worksForDepartment(current.value)),

  /** An admin looks after accounts and sees no case. */
  seesCases: computed(() => current.value !== null && current.value.role !== "admin"),
  seesPeople: computed(() => current.value !== null && seesPeople(current.value)),

  seesDeliveries: computed(() => current.value !== null && seesDeliveries(current.value)),
  seesReports: computed(() => current.value !== null && seesReports(current.value)),

  /** Asks the service once who this browser is; later calls answer from memory. */
  async know(): Promise<Account | null> {
    if (asked.value) return current.value;
    try {
      enter(await api.session());
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      asked.value = true;
    }
    return current.value;
  },

  async logIn(name: string, password: string): Promise<void> {
    enter(await api.logIn(name, password));
  },

  /** Logs out; true where the browser is on its way to the city's own log-in, to log out there too. */
  async logOut(): Promise<boolean> {
    try {
      const left = await api.logOut();
      if (left) window.location.assign(left.provider.url);
      return Boolean(left);
    } finally {
      session.forget(false);
    }
  },

  forget(becauseExpired: boolean): void {
    // Several requests may meet the ended session; the first one tells, the others must not take it back.
    expired.value = becauseExpired && (expired.value || current.value !== null);
    current.value = null;
    setCsrf("");
  },
};

/** Whether an account is one of a department's people: its inbox is all it has. */
export function worksForDepartment(account: Pick<Account, "role">): boolean {
  return account.role === "handler" || account.role === "leader";
}

/** Whether an account may look at accounts and keys. */
export function seesPeople(account: Pick<Account, "role">): boolean {
  return account.role === "admin" || account.role === "auditor";
}

/** Whether an account may look at receivers and at how messages went. */
export function seesDeliveries(account: Pick<Account, "role">): boolean {
  return ["admin", "centre", "auditor"].includes(account.role);
}

/** Whether an account may read what citizens reported. */
export function seesReports(account: Pick<Account, "role">): boolean {
  return ["operator", "centre", "auditor"].includes(account.role);
}

/** Where a role lands after the log-in. */
export function homeOf(account: Pick<Account, "role">): string {
  if (account.role === "admin") return "/people";
  return worksForDepartment(account) ? "/inbox" : "/map";
}
