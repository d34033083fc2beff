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
  return `${data.name}: ${data.said}`;
}

function add(list, text) {
  const line = document.createElement("li");
  line.textContent = text;
  list.append(line);
  list.scrollTop = list.scrollHeight;
}

function follow(job, after, heard) {
  const source = new EventSource(`/v1/jobs/${job}/events?after=${after}`);
  for (const kind of ["job", "item", "step"]) {
    source.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data);
      heard(kind, data, Number(event.lastEventId));
      if (kind === "job" && ["done", "cancelled"].includes(data.state)) source.close();
    });
  }
  return source;
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
      follow(found.id, 0, (kind, data) => {
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
      const units = form.elements.units.value.replaceAll(" ", "");
      const { found } = await send("/v1/jobs", { site: form.dataset.sweep, units });
      location.assign(`/jobs/${found.id}`);
    } catch (error) {
      status.textContent = error.message;
    }
  });
}

for (const place of document.querySelectorAll("[data-job]")) {
  const list = document.querySelector("[data-happened]");
  const bar = place.querySelector("progress");
  const status = place.querySelector("[role=status]");
  const counts = { done: 0, failed: 0 };
  const job = place.dataset.job;
  list.replaceChildren();
  const heard = (kind, data) => {
    add(list, told(kind, data));
    if (kind === "item" && data.state in counts) {
      counts[data.state] += 1;
      place.querySelector("[data-done]").textContent = counts.done;
      place.querySelector("[data-failed]").textContent = counts.failed;
      bar.value = counts.done + counts.failed;
    }
    if (kind === "job") document.querySelector("[data-state]").textContent = data.state;
  };
  let last = 0;
  const listen = () => follow(job, last, (kind, data, id) => { last = id; heard(kind, data); });
  listen();
  for (const button of place.querySelectorAll("[data-do]")) {
    button.addEventListener("click", async () => {
      try {
        const { found } = await send(`/v1/jobs/${job}/${button.dataset.do}`);
        status.textContent = found.state;
        if (button.dataset.do === "retry-failed") location.reload();
      } catch (error) {
        status.textContent = error.message;
      }
    });
  }
}
