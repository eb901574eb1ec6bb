/** Sections of pages that are loaded after the first page is there. */

import type { ComponentType } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { asProblem, connection, ProblemError } from "./api.ts";
import { Problem, Waiting } from "./parts/Problem.tsx";

/** A page for the parameters of its address. */
export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}

type PageType = ComponentType<PageProps>;
type Section = Record<string, PageType>;

const sections = new Set<() => Promise<Section>>();
const loaded = new Map<() => Promise<Section>, Section>();
const LATER_MS = 1500;

async function load(section: () => Promise<Section>): Promise<Section> {
  const pages = await section();
  loaded.set(section, pages);
  return pages;
}

/** The page `name` of `section`, which is loaded when it is first shown. */
export function lazy<Name extends string>(
  section: () => Promise<Record<Name, PageType>>,
  name: NoInfer<Name>,
): PageType {
  sections.add(section);
  return function Lazy({ params }: PageProps) {
    const [problem, setProblem] = useState<ProblemError | null>(null);
    const [, draw] = useState(0);
    const [attempt, setAttempt] = useState(0);
    const Page = loaded.get(section)?.[name];
    const { isUp } = connection.value;
    useLayoutEffect(() => {
      if (Page) {
        return;
      }
      load(section).then(
        () => {
          setProblem(null);
          draw((count) => count + 1);
        },
        (cause) => {
          const told = asProblem(cause);
          setProblem(told instanceof ProblemError ? told : null);
        },
      );
    }, [Page, attempt, isUp]);
    if (Page) {
      return <Page params={params} />;
    }
    return (
      <main class="page">
        {problem ? (
          <Problem problem={problem} onRetry={() => setAttempt(attempt + 1)} />
        ) : (
          <Waiting />
        )}
      </main>
    );
  };
}

/** Load all sections when the first page has had its time. */
export function loadLater(): void {
  setTimeout(() => {
    for (const section of sections) {
      // If the server does not answer now, the page loads it when it is shown.
      load(section).catch(() => undefined);
    }
  }, LATER_MS);
}
