import { createRouter, createWebHistory } from "vue-router";

import type { Account } from "./api/types";
import LoginPage from "./pages/LoginPage.vue";
import { homeOf, seesDeliveries, seesPeople, seesReports, session, worksForDepartment } from "./state/session";

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/login", name: "login", component: LoginPage },
    { path: "/", name: "home", component: LoginPage },
    { path: "/map", name: "map", component: () => import("./pages/MapPage.vue") },
    { path: "/cases/:id", name: "case", component: () => import("./pages/CasePage.vue"), props: true },
    { path: "/inbox/:id?", name: "inbox", component: () => import("./pages/InboxPage.vue"), props: true },
    { path: "/people", name: "people", component: () => import("./pages/PeoplePage.vue") },
    { path: "/visits", name: "visits", component: () => import("./pages/VisitsPage.vue") },
    { path: "/visits/:id", name: "visit", component: () => import("./pages/VisitPage.vue"), props: true },
    { path: "/storms/:id", name: "storm", component: () => import("./pages/StormPage.vue"), props: true },
    { path: "/reports/:id?", name: "reports", component: () => import("./pages/ReportsPage.vue"), props: true },
    { path: "/deliveries", name: "deliveries", component: () => import("./pages/DeliveriesPage.vue") },
    { path: "/history", name: "history", component: () => import("./pages/HistoryPage.vue") },
    { path: "/figures", name: "figures", component: () => import("./pages/FiguresPage.vue") },
    { path: "/:rest(.*)*", name: "missing", component: () => import("./pages/MissingPage.vue") },
  ],
});

router.beforeEach(async (to) => {
  let account;
  try {
    account = await session.know();
  } catch {
    // The service is out of reach: the log-in page says so when it is used.
    return to.name === "login" ? true : { name: "login", query: { next: to.fullPath } };
  }
  if (to.name === "login") return account ? homeOf(account) : true;
  if (!account) return { name: "login", query: to.path === "/" ? {} : { next: to.fullPath } };
  if (to.name === "home" || (to.name === "map" && worksForDepartment(account))) return homeOf(account);
  return mayVisit(String(to.name), account) ? true : homeOf(account);
});

/** A page that is younger than this is not loaded anew again: what fails then is something else. */
const YOUNG_MS = 10_000;

// The service was updated while this page was open: the parts that it names are gone, a new page names others.
router.onError((_error, to) => {
  if (performance.now() > YOUNG_MS) window.location.assign(to.fullPath);
});

function mayVisit(page: string, account: Pick<Account, "role">): boolean {
  if (page === "missing") return true;
  if (page === "people") return seesPeople(account);
  if (page === "deliveries") return seesDeliveries(account);
  if (page === "reports") return seesReports(account);
  return account.role !== "admin";
}
