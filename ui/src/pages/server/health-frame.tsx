/** What the pages about the health of the project have in common. */

import type { ComponentChildren } from "preact";
import { Page } from "../../frame.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { to } from "../../route.ts";

const TABS = [
  { label: "Files", href: to("/health") },
  { label: "Storage", href: to("/health/storage") },
  { label: "Jobs", href: to("/health/jobs") },
];

/** A page below the tabs; without a title it is the first one. */
export function HealthFrame(props: {
  title?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const crumbs = props.title
    ? [{ label: "Health", href: to("/health") }, { label: props.title }]
    : [{ label: "Health" }];
  return (
    <Page crumbs={crumbs} title="Health" actions={props.actions}>
      <Tabs tabs={TABS} label="Health" />
      {props.children}
    </Page>
  );
}
