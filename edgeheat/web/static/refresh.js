// Fetches the page again every few seconds and changes only what differs, so that nothing flickers or scrolls away.

const PERIOD_MS = 5000;
const live = document.getElementById("live");
const lost = document.getElementById("lost");

/** Make `old` like `fresh` in place; elements that stayed the same keep their identity, pictures and focus. */
function update(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const alike = old.nodeName === fresh.nodeName && old.childNodes.length === fresh.childNodes.length;
  if (!alike || old.nodeType !== Node.ELEMENT_NODE) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const pairs = [...old.childNodes].map((child, index) => [child, fresh.childNodes[index]]);
  for (const [oldChild, freshChild] of pairs) update(oldChild, freshChild);
}

/** Load new pictures before they are shown. */
function preload(fresh) {
  const shown = new Set([...live.querySelectorAll("img")].map((img) => img.getAttribute("src")));
  const wanted = [...fresh.querySelectorAll("img")].map((img) => img.getAttribute("src"));
  return Promise.allSettled(wanted.filter((src) => !shown.has(src)).map((src) => {
    const img = new Image();
    img.src = src;
    return img.decode();
  }));
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(PERIOD_MS) });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    await preload(fresh);
    document.title = page.title;
    update(live, fresh);
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
}

async function keepFresh() {
  await refresh();
  setTimeout(keepFresh, PERIOD_MS);
}

document.addEventListener("visibilitychange", refresh);
setTimeout(keepFresh, PERIOD_MS);
