// GLUONSERVE_KEY=gsk_... node predict.mjs row.json
// Node.js 18 or later.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const ATTEMPTS = 3;
const TIMEOUT_MS = 5000;
const LONGEST_WAIT_SECONDS = 5;

/** Ask for the prediction of one row. */
async function predict(row) {
  for (let attempt = 1; ; attempt++) {
    const response = await send({ data: [row] });
    if (response.ok) {
      return response.json();
    }
    const wait = Number(response.headers.get("Retry-After") ?? 1);
    if (![429, 503].includes(response.status) || attempt === ATTEMPTS || wait > LONGEST_WAIT_SECONDS) {
      throw new Error(await describe(response));
    }
    await sleep(wait * 1000);
  }
}

function send(document) {
  const url = process.env.GLUONSERVE_URL ?? "http://127.0.0.1:8000";
  return fetch(`${url}/predict`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-API-Key": process.env.GLUONSERVE_KEY },
    body: JSON.stringify(document),
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

/** One line of a refusal, and one for each value that does not fit. */
async function describe(response) {
  // What is not JSON comes from something between here and gluonserve.
  const problem = await response.json().catch(() => ({}));
  const { error = "error", detail = "", request_id = "unknown", errors = [] } = problem;
  const faults = errors.map(({ field, message }) => `\n  ${field ?? "row"}: ${message}`);
  return `${error}: ${detail} (${response.status}, request ${request_id})${faults.join("")}`;
}

try {
  const row = JSON.parse(await readFile(process.argv[2], "utf8"));
  const { predictions, probabilities } = await predict(row);
  console.log(`prediction ${predictions[0]}, probability ${probabilities[0][predictions[0]].toFixed(4)}`);
} catch (refusal) {
  console.error(refusal.cause?.message ?? refusal.message);
  process.exitCode = 1;
}
