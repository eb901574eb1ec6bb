/** Wait for jobs of the server, also while it does not answer. */

import { api, ask, type Job, ProblemError } from "./api.ts";

const LOOK_MS = 400;
const LONGEST_LOOK_MS = 8000;

/** Wait for some time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether a request may succeed later without any change, or after a login. */
export function isPassing(cause: unknown): boolean {
  return (
    cause instanceof ProblemError && [0, 401, 408, 429, 502, 503, 504].includes(cause.status)
  );
}

/** Return the job when it has ended well; throw its problem if it has not. */
export async function ended(job: Job, onProgress?: (job: Job) => void): Promise<Job> {
  let now = job;
  let wait = LOOK_MS;
  while (now.status === "running") {
    await pause(wait);
    try {
      now = await ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id: job.id } } }));
      onProgress?.(now);
      wait = LOOK_MS;
    } catch (cause) {
      if (!isPassing(cause)) {
        throw cause;
      }
      wait = Math.min(wait * 2, LONGEST_LOOK_MS);
    }
  }
  if (now.status !== "done") {
    const { status = 409, detail = "The job was cancelled." } = now.error ?? {};
    throw new ProblemError(status, "The job failed", detail);
  }
  return now;
}
