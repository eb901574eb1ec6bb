/** The web UI: start it in `#app`. */

import { render } from "preact";
import { useEffect } from "preact/hooks";
import { loadMe } from "./api.ts";
import { Frame, Page } from "./frame.tsx";
import { startKeys } from "./keyboard.ts";
import { loadLater } from "./lazy.tsx";
import { startLive } from "./live.ts";
import { ROUTES } from "./pages/routes.tsx";
import { Empty } from "./parts/Problem.tsx";
import { go, matched, place, startRouting, to } from "./route.ts";
import "./theme.ts";
import { startClock } from "./words.ts";

function App() {
  const { path } = place.value;
  for (const [pattern, Shown] of ROUTES) {
    const params = matched(pattern, path);
    if (params) {
      return <Shown key={pattern} params={params} />;
    }
  }
  return <NotFound path={path} />;
}

function NotFound({ path }: { path: string }) {
  useEffect(() => {
    if (path === "/") {
      go(to("/deployments"), { replace: true });
    }
  }, [path]);
  return path === "/" ? null : (
    <Page crumbs={[{ label: "No such page" }]} title="No such page">
      <Empty title={`There is no page ${path}`}>
        <p>
          <a href={to("/deployments")}>Go to the deployments</a>
        </p>
      </Empty>
    </Page>
  );
}

function Root() {
  // The login page has no frame, as there is nothing to see without a key.
  return place.value.path === "/login" ? (
    <App />
  ) : (
    <Frame>
      <App />
    </Frame>
  );
}

startRouting();
startKeys();
startClock();
loadLater();
const root = document.getElementById("app");
if (root) {
  render(<Root />, root);
}
if (place.value.path !== "/login") {
  // Without an answer the parts of the page say so.
  loadMe().catch(() => undefined);
  startLive();
}
