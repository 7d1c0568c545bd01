// Keeps the page up to date: asks for the sections that have changed, and puts them in the place of those that are
// there. What the reader is doing stays: where the focus is, what is unfolded, scrolled or being selected.
"use strict";

const SECONDS_BETWEEN = 5;
const KEPT_FOCUS = "a, button, summary, [tabindex]";

const main = document.getElementById("content");
const updates = document.getElementById("updates");
const news = document.getElementById("news");
const pause = document.getElementById("pause");

let isPaused = false;
let hasEnded = false;
let timer = 0;

function nameElement(element) {
  return `${element.tagName} ${element.getAttribute("href") || element.getAttribute("aria-label") || element.textContent}`;
}

function findNamed(section, selector, name) {
  return [...section.querySelectorAll(selector)].find((element) => nameElement(element) === name);
}

function nameUnfolded(details) {
  const article = details.closest("article");
  return `${article ? article.getAttribute("aria-labelledby") : ""} ${details.querySelector("summary").textContent}`;
}

function rememberReader(section) {
  const focused = section.contains(document.activeElement) ? document.activeElement : null;
  return {
    focused: focused && nameElement(focused),
    unfolded: new Set([...section.querySelectorAll("details[open]")].map(nameUnfolded)),
    scrolled: [...section.querySelectorAll(".scroll")]
      .filter((box) => box.scrollLeft > 0)
      .map((box) => [nameElement(box), box.scrollLeft]),
  };
}

function restoreReader(section, reader) {
  for (const details of section.querySelectorAll("details")) {
    details.open = reader.unfolded.has(nameUnfolded(details));
  }
  for (const [name, left] of reader.scrolled) {
    const box = findNamed(section, ".scroll", name);
    if (box) box.scrollLeft = left;
  }
  if (reader.focused !== null) {
    const again = findNamed(section, KEPT_FOCUS, reader.focused);
    if (again) again.focus({ preventScroll: true });
  }
}

function holdsSelection(section) {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(section, true);
}

function replaceSection(fresh) {
  const present = document.getElementById(fresh.id);
  // Somebody is copying something: it comes with the next update.
  if (!present || holdsSelection(present)) return;
  const reader = rememberReader(present);
  const placed = document.adoptNode(fresh);
  present.replaceWith(placed);
  restoreReader(placed, reader);
}

function readHeadline() {
  const headline = document.querySelector("[data-headline]");
  return headline ? headline.textContent : "";
}

function showSections(html) {
  const before = readHeadline();
  for (const fresh of new DOMParser().parseFromString(html, "text/html").querySelectorAll("section")) {
    replaceSection(fresh);
  }
  const after = readHeadline();
  if (after !== before) {
    // The only thing that is read out: a page that speaks every five seconds is switched off.
    news.textContent = after;
    document.title = document.title.replace(before, () => after);
  }
}

function tellState(text) {
  updates.textContent = text;
}

function writeTime() {
  return `${new Date().toISOString().slice(11, 19)} UTC`;
}

function endSession() {
  hasEnded = true;
  const link = document.createElement("a");
  link.href = main.dataset.signIn;
  link.textContent = "Sign in again";
  updates.replaceChildren("Your session has ended. ", link);
  news.textContent = "Your session has ended.";
}

async function update() {
  const known = [...main.querySelectorAll("section[data-digest]")].map((section) => section.dataset.digest);
  try {
    const answer = await fetch(`${main.dataset.address}&known=${known.join(",")}`, { cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) {
      endSession();
    } else if (answer.ok) {
      showSections(await answer.text());
      tellState(`Updated ${writeTime()}`);
    } else {
      tellState(`Not updated: the server answered ${answer.status} at ${writeTime()}`);
    }
  } catch {
    tellState(`Not updated: no answer since ${writeTime()}`);
  }
}

function plan() {
  window.clearTimeout(timer);
  if (!isPaused && !hasEnded && !document.hidden) timer = window.setTimeout(run, SECONDS_BETWEEN * 1000);
}

async function run() {
  await update();
  plan();
}

function togglePause() {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  tellState(isPaused ? `Paused at ${writeTime()}` : "Updating");
  if (isPaused) plan();
  else run();
}

pause.hidden = false;
pause.addEventListener("click", togglePause);
document.addEventListener("visibilitychange", () => (document.hidden || isPaused || hasEnded ? plan() : run()));
tellState(`Updated ${writeTime()}`);
plan();
