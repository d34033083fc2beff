// Begins work and follows it. Everything that is shown is set as text, never as markup.

async function send(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error([found.detail, found.hint].filter(Boolean).join(" · "));
  return { status: answer.status, found };
}

function told(kind, data) {
  if (kind === "job") return data.reason ? `${data.state}: ${data.reason}` : data.state;
  if (kind === "item" && data.state === "failed") return `${data.unit} failed: ${data.error}`;
  if (kind === "item") {
    const score = typeof data.score === "number" ? `, ρ ${data.score.toFixed(2)}` : "";
    return `${data.unit} ${data.verdict}${score}`;
  }
  return `${data.unit} ${data.name}: ${data.said}`;
}

function add(list, text) {
  const line = document.createElement("li");
  line.textContent = text;
  list.append(line);
  list.scrollTop = list.scrollHeight;
}

// A job that was done may go on when what failed is tried again, so its end is the stream's to tell.
function follow(job, heard) {
  const source = new EventSource(`/v1/jobs/${job}/events`);
  for (const kind of ["job", "item", "step"]) {
    source.addEventListener(kind, (event) => heard(kind, JSON.parse(event.data)));
  }
}

for (const place of document.querySelectorAll("[data-explain]")) {
  const button = place.querySelector("[data-begin]");
  const status = place.querySelector("[role=status]");
  const list = place.querySelector("[data-happened]");
  button.addEventListener("click", async () => {
    button.disabled = true;
    status.textContent = "asking…";
    try {
      const { status: code, found } = await send("/v1/explanations", {
        unit: place.dataset.explain,
        wait: 0,
      });
      if (code === 200) return location.reload();
      status.textContent = "at work";
      follow(found.id, (kind, data) => {
        add(list, told(kind, data));
        if (kind === "item" && data.state === "done") location.reload();
        if (kind === "item" && data.state === "failed") {
          status.textContent = "it failed";
          button.disabled = false;
        }
      });
    } catch (error) {
      status.textContent = error.message;
      button.disabled = false;
    }
  });
}

for (const form of document.querySelectorAll("[data-sweep]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const status = form.querySelector("[role=status]");
    try {
      const body = { site: form.dataset.sweep };
      if (form.elements.finding) body.finding = form.elements.finding.value;
      else body.units = form.elements.units.value.replaceAll(" ", "");
      const { found } = await send("/v1/jobs", body);
      location.assign(`/jobs/${found.id}`);
    } catch (error) {
      status.textContent = error.message;
    }
  });
}

// Which buttons a job has a use for; the server knows the same.
const usable = {
  pause: (state) => ["queued", "running"].includes(state),
  resume: (state) => state === "paused",
  cancel: (state) => !["done", "cancelled"].includes(state),
  "retry-failed": (state, failed) => failed > 0 && state !== "cancelled",
};

for (const place of document.querySelectorAll("[data-job]")) {
  const list = document.querySelector("[data-happened]");
  const bar = place.querySelector("progress");
  const status = place.querySelector("[role=status]");
  const job = place.dataset.job;
  const ended = new Map(); // how each unit ended last: one that failed may be tried again
  list.replaceChildren();
  const counted = () => {
    const states = [...ended.values()];
    const [done, failed] = ["done", "failed"].map((s) => states.filter((one) => one === s).length);
    place.querySelector("[data-done]").textContent = done;
    place.querySelector("[data-failed]").textContent = failed;
    bar.value = done + failed;
  };
  const offer = ({ state, reason, items }) => {
    document.querySelector("[data-state]").textContent = state;
    document.querySelector("[data-reason]").textContent = reason ? ` · ${reason}` : "";
    for (const button of place.querySelectorAll("[data-do]")) {
      button.disabled = !usable[button.dataset.do](state, items.failed);
    }
  };
  let soon;
  const ask = async () => {
    const answer = await fetch(`/v1/jobs/${job}`);
    if (answer.ok) offer(await answer.json());
  };
  follow(job, (kind, data) => {
    add(list, told(kind, data));
    if (kind === "step") return;
    if (kind === "item") ended.set(data.unit, data.state);
    counted();
    if (kind === "item" && data.state === "done") return;
    clearTimeout(soon);
    soon = setTimeout(ask, 300);
  });
  for (const button of place.querySelectorAll("[data-do]")) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const { found } = await send(`/v1/jobs/${job}/${button.dataset.do}`);
        status.textContent = "";
        offer(found);
        if (button.dataset.do === "retry-failed") location.reload();
      } catch (error) {
        status.textContent = error.message;
        ask();
      }
    });
  }
}
