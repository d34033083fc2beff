// Follows an answer while it is made. Everything that is shown is set as text, never as markup;
// when the answer is there, the server's own page takes the place of what was shown meanwhile.

function add(list, text) {
  const line = document.createElement("li");
  line.textContent = text;
  list.append(line);
  list.scrollTop = list.scrollHeight;
}

function called(data) {
  const told = Object.entries(data.arguments ?? {})
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${value}`);
  return `${data.tool} ${told.join(", ")}`;
}

async function renew() {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!answer.ok) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["conversation", "title"]) {
    const fresh = page.getElementById(id);
    if (fresh) document.getElementById(id).replaceWith(document.adoptNode(fresh));
  }
  start();
  document.getElementById("now").scrollIntoView({ block: "end" });
}

function follow(place) {
  const { talk, turn } = place.dataset;
  const list = place.querySelector("[data-happened]");
  const words = place.querySelector("[data-words]");
  const source = new EventSource(`/v1/chat/${talk}/events?turn=${turn}`);
  const on = (kind, heard) =>
    source.addEventListener(kind, (event) => heard(JSON.parse(event.data)));
  on("piece", (data) => words.append(data.text));
  on("call", (data) => add(list, called(data)));
  on("step", (data) => add(list, data.said));
  on("result", (data) => add(list, data.error ? `${data.tool}: ${data.error}` : `${data.tool}: done`));
  on("end", () => {
    source.close();
    renew();
  });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) renew();
  };
}

function start() {
  for (const place of document.querySelectorAll("[data-talk]")) follow(place);
  const form = document.querySelector("[data-say]");
  const area = form?.querySelector("textarea");
  if (!area || area.disabled) return;
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  if (location.hash === "#now" || location.hash === "#say") area.focus({ preventScroll: true });
}

start();
