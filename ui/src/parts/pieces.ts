/** The pieces of a line of Markdown, found quickly in any text. */

/** A heading without the marks that may close it. */
export function untrailed(title: string): string {
  let end = title.length;
  while (title[end - 1] === "#") {
    end -= 1;
  }
  return title.slice(0, end).trimEnd();
}

/**
 * Code, strong and emphasised text, and links.
 *
 * A part whose end may be missing has to be short: each start of one looks for its end.
 */
export const PIECES =
  /(`[^`]+`)|\*\*([^*]+)\*\*|(?<![\w*])[*_]([^*_\s][^*_]*)[*_](?!\w)|\[([^[\]]{1,500})\]\((https?:\/\/[^()\s]{1,2000})\)/g;
