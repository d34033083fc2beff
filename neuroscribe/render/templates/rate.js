"use strict";
(() => {
  const sheet = JSON.parse(document.getElementById("sheet").textContent);
  const element = (id) => document.getElementById(id);
  const sections = Array.from(document.querySelectorAll(".item"));
  const kept = "neuroscribe-ratings/" + sheet.digest;
  const answers = new Map();
  let at = 0;
  let unsaved = false;

  const radios = (i) => Array.from(sections[i].querySelectorAll("input[type=radio]"));
  const comment = (i) => sections[i].querySelector("textarea");
  const firstUnrated = () => sheet.items.findIndex((item) => !answers.get(item.item)?.rating);
  const rated = () => [...answers.values()].filter((answer) => answer.rating !== null);

  function say(text, wrong) {
    element("status").textContent = text;
    element("status").classList.toggle("wrong", Boolean(wrong));
  }

  function keep() {
    unsaved = true;
    try {
      localStorage.setItem(kept, JSON.stringify([...answers]));
    } catch {
      // a browser that keeps nothing for files: the download is the only copy
    }
  }

  function recall() {
    let found = [];
    try {
      found = JSON.parse(localStorage.getItem(kept)) || [];
    } catch {
      return;
    }
    for (const [id, answer] of found) {
      const i = sheet.items.findIndex((item) => item.item === id);
      if (i < 0) continue;
      answers.set(id, answer);
      for (const radio of radios(i)) radio.checked = Number(radio.value) === answer.rating;
      comment(i).value = answer.comment || "";
    }
    unsaved = rated().length > 0;
  }

  function progress() {
    const done = rated().length;
    element("progress").value = done;
    element("count").textContent = `${done} of ${sections.length} rated`;
  }

  function answer(i) {
    const chosen = radios(i).find((radio) => radio.checked);
    answers.set(sheet.items[i].item, {
      rating: chosen ? Number(chosen.value) : null,
      comment: comment(i).value.trim() || null,
      time: new Date().toISOString(),
    });
    keep();
    progress();
  }

  function show(i, focus) {
    at = Math.min(Math.max(i, 0), sections.length - 1);
    sections.forEach((section, j) => { section.hidden = j !== at; });
    element("previous").disabled = at === 0;
    element("next").disabled = at === sections.length - 1;
    if (focus) {
      sections[at].querySelector("h2").focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
  }

  function rate(value) {
    radios(at)[value - 1].checked = true;
    answer(at);
    if (rated().length === sections.length) {
      say("All rated. Download your ratings.");
      element("download").focus();
      return;
    }
    say(`Rated ${value}.`);
    show(at < sections.length - 1 ? at + 1 : firstUnrated(), true);
  }

  function download() {
    const rater = element("rater").value.trim();
    if (!rater) {
      say("Give your name first.", true);
      element("rater").focus();
      return;
    }
    const ratings = sheet.items
      .map((item) => ({ ...item, ...answers.get(item.item) }))
      .filter((item) => item.rating);
    if (!ratings.length) {
      say("Nothing is rated yet.", true);
      return;
    }
    const { format, target, seed, digest } = sheet;
    const items = sheet.items.map((item) => item.item);
    const text = JSON.stringify({ format, target, seed, digest, items, rater, ratings }, null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `ratings-${target.replaceAll("/", "-")}-${digest}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = false;
    say(`${ratings.length} of ${sections.length} ratings downloaded.`);
  }

  sections.forEach((section, i) => {
    section.addEventListener("change", () => answer(i));
  });
  element("previous").addEventListener("click", () => show(at - 1, true));
  element("next").addEventListener("click", () => show(at + 1, true));
  element("download").addEventListener("click", download);
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === comment(at)) {
      comment(at).blur();
      return;
    }
    const writing = event.target.matches("textarea, input[type=text]");
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!element("keys").checked) return;
    const key = event.key.toLowerCase();
    if (/^[1-5]$/.test(key)) rate(Number(key));
    else if (key === "n") show(at + 1, true);
    else if (key === "p") show(at - 1, true);
    else if (key === "c") comment(at).focus();
    else return;
    event.preventDefault();
  });

  recall();
  progress();
  show(firstUnrated(), false);
})();
