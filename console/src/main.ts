import { createApp } from "vue";

import { whenSessionExpires } from "./api/client";
import App from "./App.vue";
import { i18n, keepDocumentLanguage } from "./i18n";
import { router } from "./router";
import { session } from "./state/session";
import "ol/ol.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/components.css";
import "./styles/pages.css";
import "./styles/map.css";
import "./styles/field.css";

whenSessionExpires(() => {
  session.forget(true);
  const here = router.currentRoute.value;
  if (here.name !== "login") void router.push({ name: "login", query: { next: here.fullPath } });
});

keepDocumentLanguage();
createApp(App).use(i18n).use(router).mount("#app");
