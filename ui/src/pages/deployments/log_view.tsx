/**
 * A log of any length, of which only what is seen is drawn.
 *
 * Lines are drawn in chunks. A chunk that is far away is an empty box of the same height.
 */

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Chunk, type Level, type Line, partsOf } from "./log_lines.ts";
import { lineOf } from "./tab.ts";

const LINE_PX = 20;
const NEAR_PX = 1200;
const AT_END_PX = 40;

export interface View {
  readonly name: string;
  readonly level: Level;
  readonly text: string;
  /** The position of the line that the address names. */
  readonly at: string;
  readonly isWrapped: boolean;
  readonly hrefOf: (position: string) => string;
}

const SHOWN: Record<Level, (line: Line) => boolean> = {
  other: () => true,
  warn: (line) => line.level !== "other",
  error: (line) => line.level === "error",
};

export function LogView(props: {
  label: string;
  chunks: readonly Chunk[];
  view: View;
  /** Whether the end stays in sight as the log grows. */
  isFollowing: boolean;
  onFollow: (isFollowing: boolean) => void;
  onTop: () => void;
}) {
  const { chunks, view, isFollowing } = props;
  const pane = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const before = useRef({ first: chunks[0]?.id, height: 0, top: 0 });

  // What was added above must not move what is read.
  useLayoutEffect(() => {
    const box = pane.current;
    if (!box) {
      return;
    }
    const { first, height, top } = before.current;
    const isGrownAbove = first !== undefined && chunks[0] && chunks[0].id !== first;
    if (isFollowing) {
      box.scrollTop = box.scrollHeight;
    } else if (isGrownAbove && box.scrollTop === top) {
      box.scrollTop = top + box.scrollHeight - height;
    }
    before.current = {
      first: chunks[0]?.id,
      height: box.scrollHeight,
      top: box.scrollTop,
    };
  }, [chunks, isFollowing]);

  useScrollTo(pane, view.at, chunks);

  const scroll = () => {
    const box = pane.current;
    if (!box) {
      return;
    }
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - AT_END_PX;
    const isUp = box.scrollTop < before.current.top - 1;
    before.current = { ...before.current, height: box.scrollHeight, top: box.scrollTop };
    if (isAtEnd !== latest.current.isFollowing && (isAtEnd || isUp)) {
      latest.current.onFollow(isAtEnd);
    }
    if (box.scrollTop < NEAR_PX / 2) {
      latest.current.onTop();
    }
  };
  return (
    <section
      class={`log ${view.isWrapped ? "wrapped" : ""}`}
      ref={pane}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
      tabIndex={0}
      aria-label={props.label}
      onScroll={scroll}
    >
      {chunks.map((it, index) => (
        <Block
          key={it.id}
          chunk={it}
          view={view}
          pane={pane}
          isFirstSeen={index >= chunks.length - 2 || it.lines.some(isAt(view.at))}
        />
      ))}
    </section>
  );
}

function isAt(position: string) {
  return (line: Line) => line.position === position;
}

/** Scroll to the line of the address, once it is there. */
function useScrollTo(
  pane: RefObject<HTMLDivElement | null>,
  at: string,
  chunks: readonly Chunk[],
): void {
  const done = useRef("");
  useEffect(() => {
    if (!at || done.current === at) {
      return;
    }
    const chunk = chunks.find((it) => it.lines.some(isAt(at)));
    const block = chunk && document.getElementById(`chunk-${chunk.id}`);
    if (!chunk || !block || !pane.current) {
      return;
    }
    done.current = at;
    const index = chunk.lines.findIndex(isAt(at));
    const near = block.offsetTop + (index / chunk.lines.length) * block.offsetHeight;
    pane.current.scrollTop = near - pane.current.clientHeight / 2;
    // Its block is drawn in the next frames.
    let frames = 20;
    const look = () => {
      const line = document.getElementById(`line-${at}`);
      if (line) {
        line.scrollIntoView({ block: "center" });
      } else if (frames) {
        frames -= 1;
        requestAnimationFrame(look);
      }
    };
    requestAnimationFrame(look);
  }, [at, chunks, pane]);
}

function Block(props: {
  chunk: Chunk;
  view: View;
  pane: RefObject<HTMLDivElement | null>;
  isFirstSeen: boolean;
}) {
  const { chunk, view, pane } = props;
  const box = useRef<HTMLDivElement>(null);
  const [isSeen, setSeen] = useState(props.isFirstSeen);
  const { level } = view;
  const shown = useMemo(() => chunk.lines.filter(SHOWN[level]), [chunk, level]);
  const height = useRef(0);

  useEffect(() => {
    const watch = new IntersectionObserver(
      ([it]) => {
        const isNear = it?.isIntersecting ?? false;
        if (!isNear && it?.boundingClientRect.height) {
          height.current = it.boundingClientRect.height;
        }
        setSeen(isNear);
      },
      { root: pane.current, rootMargin: `${NEAR_PX}px 0px` },
    );
    if (box.current) {
      watch.observe(box.current);
    }
    return () => watch.disconnect();
  }, [pane]);

  useLayoutEffect(() => {
    const guess = shown.length * LINE_PX;
    const isKnown = view.isWrapped && height.current > 0;
    const empty = `${isKnown ? height.current : guess}px`;
    box.current?.style.setProperty("height", isSeen ? "auto" : empty);
  }, [isSeen, shown, view.isWrapped]);

  const lines = useMemo(
    () => (isSeen ? shown.map((it) => <Row key={it.position} line={it} view={view} />) : null),
    [isSeen, shown, view],
  );
  return (
    <div ref={box} id={`chunk-${chunk.id}`}>
      {lines}
    </div>
  );
}

function Row({ line, view }: { line: Line; view: View }) {
  const isHere = view.at === line.position;
  return (
    <div
      id={`line-${line.position}`}
      class={`log-line ${line.level} ${isHere ? "at" : ""}`}
      aria-current={isHere ? "true" : undefined}
    >
      <a
        class="log-link"
        href={view.hrefOf(line.position)}
        aria-label="Link to this line"
        tabIndex={-1}
      >
        #
      </a>
      <span class="log-text">
        {partsOf(line.text).map((it, index) =>
          it.file && it.line ? (
            <a key={index} href={lineOf(view.name, it.file, it.line)}>
              <Found in={it.text} text={view.text} />
            </a>
          ) : (
            <Found key={index} in={it.text} text={view.text} />
          ),
        )}
      </span>
    </div>
  );
}

/** A text, in which each place that has `text` is marked. */
function Found(props: { in: string; text: string }) {
  const wanted = props.text.toLowerCase();
  if (!wanted) {
    return <>{props.in}</>;
  }
  const parts = [];
  const low = props.in.toLowerCase();
  let end = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, end)) {
    parts.push(props.in.slice(end, at));
    parts.push(<mark key={at}>{props.in.slice(at, at + wanted.length)}</mark>);
    end = at + wanted.length;
  }
  parts.push(props.in.slice(end));
  return <>{parts}</>;
}
