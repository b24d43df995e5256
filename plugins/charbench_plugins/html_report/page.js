"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);
  const labels = read("labels");
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  // Control characters, and those that turn the direction of what follows, are shown as their codes.
  const visible = (text) =>
    text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

  // A table that came column by column (columns.py).
  const unfold = ({ count, columns }) =>
    Array.from({ length: count }, (_, place) => Object.fromEntries(columns.map(([name, values, texts]) => [name, texts ? texts[values[place]] : values[place]])));

  // Leaderboard: sort, filter, expand.
  const board = byId("board");
  if (board) {
    const bodies = () => [...board.tBodies];
    const headings = [...board.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = heading.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const down = heading.hasAttribute("aria-sort") ? heading.getAttribute("aria-sort") === "ascending" : "down" in heading.dataset;
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (body) => body.rows[0].cells[column].dataset.sort;
        const compare = (a, b) => {
          const [x, y] = [key(a), key(b)];
          const order = x !== "" && y !== "" && !isNaN(x) && !isNaN(y) ? x - y : x.localeCompare(y);
          return down ? -order : order;
        };
        board.append(...bodies().sort(compare));
      });
    });
    const filters = [...document.querySelectorAll("[data-filter]")];
    const filter = () => {
      let count = 0;
      for (const body of bodies()) {
        body.hidden = !filters.every(({ dataset, value }) =>
          dataset.filter === "name" ? body.dataset.name.includes(value.toLowerCase()) : !value || body.dataset[dataset.filter] === value);
        count += !body.hidden;
      }
      byId("counted").textContent = `${count} of ${bodies().length} rows`;
    };
    filters.forEach((one) => one.addEventListener("input", filter));
    filter();
    let byRow;
    const fillPrompts = (place) => {
      byRow ||= Map.groupBy(unfold(read("prompts")), ({ row }) => row);
      for (const { row, ...one } of byRow.get(Number(place.dataset.prompts)) || []) {
        const line = make("tr");
        line.append(...Object.values(one).map((value) => make("td", typeof value === "number" || /^\d+\/\d+$/.test(value) ? "n" : "", visible(String(value)))));
        place.append(line);
      }
    };
    board.addEventListener("click", (event) => {
      const button = event.target.closest("button[aria-expanded]");
      if (button) {
        const detail = byId(button.getAttribute("aria-controls"));
        detail.hidden = !detail.hidden;
        button.setAttribute("aria-expanded", String(!detail.hidden));
        const prompts = detail.querySelector("[data-prompts]");
        if (prompts && !prompts.firstChild) fillPrompts(prompts);
      }
    });
  }

  // Commands to copy; where a browser does not let us, the command is selected.
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const command = button.parentElement.querySelector("pre");
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(command);
        button.textContent = "Selected";
      }
    });
  }

  // Plots: drawn when they come near the screen.
  const specs = read("specs");
  const vega = () => {
    if (window.vegaEmbed) return;
    const script = make("script");
    script.textContent = byId("vega").textContent;
    document.head.append(script);
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const draw = (place) => {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const config = {
      background: "transparent",
      font: "system-ui, sans-serif",
      axis: { labelColor: color("--fg"), titleColor: color("--fg"), gridColor: color("--line"), domainColor: color("--muted"), tickColor: color("--muted") },
      legend: { labelColor: color("--fg"), titleColor: color("--fg"), symbolBaseFillColor: color("--muted"), symbolBaseStrokeColor: color("--muted") },
      view: { stroke: color("--line") },
      rule: { color: color("--fg") },
      line: { color: color("--fg") },
      range: { heatmap: dark.matches ? ["#2a323b", "#2f6ea8", "#bfe0ff"] : ["#e1e7ed", "#5b93c7", "#08306b"], category: dark.matches ? ["#7db7f0", "#f2b46a", "#7dd3a0", "#f2938f", "#c7a6f0", "#e6d66a", "#8be0e0", "#e8a0cf"] : ["#0b5cad", "#c25e00", "#19693c", "#a12622", "#6a3fa0", "#7a6a00", "#0b7a7a", "#a1387a"] },
    };
    const options = { actions: false, renderer: "svg", ast: true, defaultStyle: false, config, tooltip: { disableDefaultStyle: true } };
    const spec = specs[place.dataset.plot];
    vega();
    return window.vegaEmbed(place, { ...spec, data: { values: unfold(spec.data) } }, options);
  };
  const places = [...document.querySelectorAll("[data-plot]")];
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        near.unobserve(target);
        draw(target);
      }
    }
  }, { rootMargin: "400px" });
  places.forEach((place) => near.observe(place));
  dark.addEventListener("change", () => places.filter((place) => place.firstChild).forEach(draw));
  addEventListener("beforeprint", () => places.filter((place) => !place.firstChild).forEach(draw));

  // Samples.
  const unpack = async () => {
    const text = atob(byId("packed").textContent);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };
  const cards = byId("cards");
  if (!cards) return;
  const PAGE = 24;

  const tiers = ["strong", "moderate", "weak", "style"];
  const kindOf = ([, scorer, , , , tier, ...flags]) =>
    flags.length ? "aside" : /judge|pairwise/.test(scorer) ? "judge" : scorer === "keyword" && tiers.includes(tier) ? tier : "";
  const highlighted = (text, spans) => {
    // Positions count code points, as Python does.
    const place = make("div", "text");
    place.dir = "auto";
    const points = Array.from(text);
    const inside = spans.filter(([, , start, end]) => start < points.length && end > start);
    const edges = [...new Set([0, points.length, ...inside.flatMap(([, , start, end]) => [start, Math.min(end, points.length)])])].sort((a, b) => a - b);
    for (let i = 0; i + 1 < edges.length; i++) {
      const piece = visible(points.slice(edges[i], edges[i + 1]).join(""));
      const here = inside.filter(([, , start, end]) => start <= edges[i] && end >= edges[i + 1]);
      if (!here.length) {
        place.append(piece);
        continue;
      }
      const mark = make("mark", kindOf(here.find((span) => span.length === 6) || here[0]), piece);
      mark.title = here.map(([, by, , , what, level, ...why]) => [by, what, level, ...why].filter(Boolean).join(", ")).join("; ");
      place.append(mark);
    }
    return place;
  };
  const valueOf = (sample, channel) => {
    const found = sample.v.find(([scorer, metric, where]) => `${scorer}.${metric}` === labels.metric && where === channel);
    return found ? found[3] : null;
  };
  const responded = (sample) => sample.r.trim() !== "";
  const refused = (sample) => sample.v.some(([, metric, where, value]) => /refus/.test(metric) && where === "response" && value > 0);
  const disagree = (sample) => {
    const told = new Set(sample.v.filter(([scorer, metric, where, value]) => where === "response" && value !== null && /keywords|trait|classifier|identity|character/.test(metric)).map(([, , , value]) => value > 0));
    return told.size > 1;
  };
  const tests = {
    "": () => true,
    thinking: (sample) => valueOf(sample, "thinking") > 0 && !(valueOf(sample, "response") > 0),
    trait: (sample) => valueOf(sample, "response") > 0,
    "no-response": (sample) => !sample.x && !responded(sample),
    failed: (sample) => Boolean(sample.x),
    refused,
    disagree,
  };
  const asked = (prompt) => {
    const line = make("p", "muted asked", "Prompt: ");
    const text = make("span", "", visible(prompt.text));
    text.dir = "auto";
    line.append(text);
    return line;
  };
  const card = (sample, number, prompts, beside) => {
    const [name, persona] = labels.rows[sample.c];
    const article = make("article");
    article.id = `sample-${number}`;
    const title = make("h3", "", visible(name) + " ");
    const link = make("a", "muted", `#${number}`);
    link.href = `#sample-${number}`;
    link.setAttribute("aria-label", `Link to sample ${number}`);
    title.append(link);
    if (labels.served) {
      const all = make("a", "muted", "all that is stored of it");
      all.href = `sample?key=${encodeURIComponent(sample.k)}`;
      title.append(" · ", all);
    }
    const where = beside ? [] : [prompts[sample.p].name, sample.d];
    const said = [persona, ...where, `epoch ${sample.e + 1}`, labels.states[sample.s] || sample.s].filter(Boolean);
    article.append(title, make("p", "muted", visible(said.join(" · "))));
    if (prompts[sample.p].text && !beside) article.append(asked(prompts[sample.p]));
    if (sample.x) article.append(make("p", "failed", `Failed: ${visible(sample.x)}`));
    if (sample.t) {
      const box = make("details", "thinking");
      box.open = sample.t.length < 1500;
      box.append(make("summary", "", "Thinking"), highlighted(sample.t, sample.m.filter(([channel]) => channel === 1)));
      article.append(box);
    }
    if (responded(sample)) article.append(highlighted(sample.r, sample.m.filter(([channel]) => channel === 0)));
    else if (!sample.x) article.append(make("p", "failed", "No response."));
    const said_of = ([scorer, metric, where, value, why]) => `${scorer}.${metric} ${where === "thinking" ? "(thinking) " : ""}${value === null ? "no verdict" : Math.round(value * 1000) / 1000}${why ? `: ${why}` : ""}`;
    const first = sample.v.filter(([scorer, metric, , , why]) => why || `${scorer}.${metric}` === labels.metric);
    const rest = sample.v.filter((value) => !first.includes(value));
    if (first.length) article.append(make("p", "scores", visible(first.map(said_of).join(" · "))));
    if (rest.length) {
      const more = make("details", "scores");
      more.append(make("summary", "", "Other scores"), make("p", "", visible(rest.map(said_of).join(" · "))));
      article.append(more);
    }
    return article;
  };

  const start = ({ prompts, samples }) => {
    const sides = [...document.querySelectorAll("[data-side]")];
    const choose = (select, entries) => select.append(...entries.map(([value, text]) => Object.assign(make("option", "", visible(text)), { value })));
    const named = [...new Set(samples.map((sample) => sample.c))].sort((a, b) => a - b).map((index) => [index, `${labels.rows[index][0]} (${labels.rows[index][1]})`]);
    sides.forEach((select, number) => choose(select, [["", number ? "–" : "all"], ...named]));
    choose(byId("prompt"), [["", "all"], ...prompts.map((prompt, index) => [index, prompt.name + (prompt.text ? `: ${prompt.text.slice(0, 70)}` : "")])]);
    for (const option of byId("only").options) if (option.value) option.text += ` (${samples.filter(tests[option.value]).length})`;
    const kinds = new Set(samples.flatMap(({ m }) => m.map(kindOf)));
    for (const mark of document.querySelectorAll("#samples .legend mark")) mark.parentElement.hidden = !kinds.has(mark.className);
    let many = PAGE;
    // One checkpoint, or all: a card for each sample, as the leaderboard has them.
    const inTurn = (found) => {
      cards.className = "side";
      found.sort(([a], [b]) => a.c - b.c);
      cards.replaceChildren(...found.slice(0, many).map(([sample, number]) => card(sample, number, prompts)));
      return [found.length, found.length === 1 ? "sample" : "samples"];
    };
    // Several: a row for each prompt with the first samples of all, then one with the second ones, and so on.
    const inRows = (entries, chosen, test) => {
      const seen = {};
      const rows = new Map();
      for (const [sample, number] of entries) {
        const of = [sample.p, sample.d || "", sample.c].join(" ");
        seen[of] = (seen[of] || 0) + 1;
        const key = [sample.p, sample.d || "", seen[of]].join(" ");
        if (!rows.has(key)) rows.set(key, { order: [sample.p, sample.d || "", seen[of]], cells: {} });
        rows.get(key).cells[sample.c] = [sample, number];
      }
      const found = [...rows.values()].filter(({ cells }) => Object.values(cells).some(([sample]) => test(sample)));
      found.sort(({ order: x }, { order: y }) => {
        const at = x.findIndex((value, place) => value !== y[place]);
        return at < 0 ? 0 : x[at] < y[at] ? -1 : 1;
      });
      cards.className = "";
      cards.replaceChildren(...found.slice(0, many).map(({ order: [prompt, condition], cells }) => {
        const row = make("div", "beside");
        const line = make("div", `side of-${chosen.length}`);
        line.append(...chosen.map((index) => cells[index] ? card(...cells[index], prompts, true) : make("p", "muted", visible(`${labels.rows[index][0]} has no sample here.`))));
        row.append(make("p", "prompt", visible([prompts[prompt].name, condition].filter(Boolean).join(" · "))), ...(prompts[prompt].text ? [asked(prompts[prompt])] : []), line);
        return row;
      }));
      return [found.length, `${found.length === 1 ? "row, a prompt" : "rows, each a prompt"} with a sample of every checkpoint`];
    };
    const show = () => {
      const chosen = [...new Set(sides.map((select) => select.value).filter((value) => value !== ""))];
      const prompt = byId("prompt").value;
      const test = tests[byId("only").value];
      const entries = samples.map((sample, number) => [sample, number]).filter(([sample]) =>
        (!chosen.length || chosen.includes(String(sample.c))) && (prompt === "" || sample.p === Number(prompt)));
      const [count, what] = chosen.length > 1 ? inRows(entries, chosen, test) : inTurn(entries.filter(([sample]) => test(sample)));
      // What scrolls can be reached by keyboard.
      for (const text of cards.querySelectorAll(".text, .asked")) if (text.scrollHeight > text.clientHeight) text.tabIndex = 0;
      byId("found").textContent = `${count} ${what}${count > many ? `; the first ${many} are shown` : ""}`;
      byId("more").hidden = count <= many;
    };
    const changed = () => {
      many = PAGE;
      show();
    };
    [...sides, byId("prompt"), byId("only")].forEach((select) => select.addEventListener("input", changed));
    byId("more").addEventListener("click", () => {
      many += PAGE;
      show();
    });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-show]");
      if (!button) return;
      sides.forEach((select, number) => (select.value = number ? "" : button.dataset.show));
      changed();
      byId("samples").scrollIntoView();
      sides[0].focus();
    });
    const linked = () => {
      const found = /^#sample-(\d+)$/.exec(location.hash);
      if (found && samples[found[1]] && !byId(`sample-${found[1]}`)) {
        const { c, p } = samples[found[1]];
        sides.forEach((select, number) => (select.value = number ? "" : String(c)));
        byId("prompt").value = String(p);
        byId("only").value = "";
        many = samples.length;
        show();
      }
      if (found && byId(`sample-${found[1]}`)) byId(`sample-${found[1]}`).scrollIntoView();
    };
    addEventListener("hashchange", linked);
    show();
    linked();
  };
  // After the first picture, which has the leaderboard; a page in the background has none.
  const pictured = new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 1000);
  });
  pictured.then(unpack).then(start);
})();
