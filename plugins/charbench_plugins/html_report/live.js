"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = visible(String(text));
    return element;
  };
  // Characters that turn the direction of what follows, and control characters, are shown as their codes.
  const visible = (text) =>
    text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  const number = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits });
  const row = (...texts) => {
    const line = make("tr");
    line.append(...texts.map((text) => make("td", "", text)));
    return line;
  };
  const duration = (seconds) => {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  };

  const stage = ({ title, done, total, ended, in_flight: asked }) => {
    const line = make("p", ended ? "muted" : "");
    line.append(make("span", "", `${title}: ${number(done)}${total === null ? "" : ` of ${number(total)}`}${asked ? `, ${number(asked)} in flight` : ""}${ended ? ", ended" : ""}`));
    if (!ended && total) {
      const bar = make("progress");
      bar.max = total;
      bar.value = Math.min(done, total);
      bar.setAttribute("aria-label", title);
      line.append(" ", bar);
    }
    return line;
  };
  const seen = new Set();
  const facts = (run) => {
    const list = make("dl", "facts");
    const add = (name, value) => list.append(make("dt", "", name), make("dd", "", value));
    add("Command", run.command);
    add("At work", `${duration(run.seconds)} on ${run.host}`);
    add("Samples of this run", `${number(run.samples)}${run.failed ? `, ${number(run.failed)} of them failed` : ""}`);
    const rated = seen.has(run.id) || run.samples_a_second > 0; // the first look sees no time pass
    seen.add(run.id);
    add("Per second", rated ? `${number(run.samples_a_second, 1)} samples, ${number(run.requests_a_second, 1)} requests` : "not known yet");
    const held = Object.entries(run.claimed);
    add("Claimed, not stored yet", held.length ? held.map(([name, count]) => `${name} ${number(count)}`).join(", ") : "nothing");
    if (run.completion_tokens) add("Completion tokens", number(run.completion_tokens));
    const errors = Object.entries(run.errors);
    add("Failed tries by kind", errors.length ? errors.map(([kind, count]) => `${kind.replaceAll("_", " ")} ${number(count)}`).join(", ") : "none");
    if (run.spent !== null) add("Cost so far", `${number(run.spent, 4)} by the price table${run.expected === null ? "" : `; about ${number(run.expected, 4)} when its sampling is done`}`);
    return list;
  };
  const showRuns = (runs) => {
    const shown = runs.map((run) => {
      const article = make("article");
      article.append(make("h3", "", `Run ${run.id}`), ...run.stages.slice(-6).map(stage), facts(run));
      return article;
    });
    byId("runs").replaceChildren(...(shown.length ? shown : [make("p", "muted", "No run is at work on this store. One that starts shows up here.")]));
  };

  // Losses: a plot for each job in training, made once and fed.
  const views = new Map();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const plot = async (job, losses) => {
    const figure = make("figure");
    const place = make("div", "plot");
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", `Loss of ${job} by step`);
    figure.append(make("h3", "", job), place, make("figcaption", "", "Loss by step, of the newest steps."));
    byId("losses").append(figure);
    const spec = {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      data: { name: "losses", values: losses },
      width: "container",
      height: 140,
      autosize: { type: "fit-x", contains: "padding" },
      mark: { type: "line", color: color("--bar") },
      encoding: {
        x: { field: "step", type: "quantitative", title: "Step", axis: { tickMinStep: 1, format: "d" }, scale: { zero: false, nice: false } },
        y: { field: "loss", type: "quantitative", title: "Loss", scale: { zero: false } },
      },
      config: {
        background: "transparent",
        font: "system-ui, sans-serif",
        axis: { labelColor: color("--fg"), titleColor: color("--fg"), gridColor: color("--line"), domainColor: color("--muted"), tickColor: color("--muted") },
        view: { stroke: color("--line") },
      },
    };
    const { view } = await window.vegaEmbed(place, spec, { actions: false, renderer: "svg", ast: true, defaultStyle: false, tooltip: { disableDefaultStyle: true } });
    return { figure, view };
  };
  const showLosses = (jobs) => {
    const training = new Map(jobs.filter((job) => job.losses && job.losses.length > 1).map((job) => [job.job_id, job.losses.map(([step, loss]) => ({ step, loss }))]));
    for (const [job, losses] of training) {
      if (!views.has(job)) views.set(job, plot(job, losses));
      else views.get(job).then(({ view }) => view.data("losses", losses).runAsync());
    }
    for (const [job, made] of views) {
      if (training.has(job)) continue;
      views.delete(job);
      made.then(({ figure, view }) => {
        view.finalize();
        figure.remove();
      });
    }
  };
  dark.addEventListener("change", () => {
    for (const made of views.values()) made.then(({ figure }) => figure.remove());
    views.clear();
  });
  const showJobs = (jobs) => {
    byId("jobs-section").hidden = !jobs.length;
    byId("jobs").replaceChildren(...jobs.map((job) =>
      row(job.job_id, job.persona, job.status, job.step === null ? "" : `${number(job.step)}${job.total_steps ? ` of ${number(job.total_steps)}` : ""}`, job.loss === null ? "" : number(job.loss, 3), job.error || "")));
    showLosses(jobs);
  };

  let shownNewest = "";
  const showNewest = (newest) => {
    const now = JSON.stringify(newest);
    if (now === shownNewest) return; // what somebody reads or has focused stays
    shownNewest = now;
    byId("newest").replaceChildren(...newest.map((sample) => {
      const article = make("article");
      const title = make("h3");
      const link = make("a", "", sample.name);
      link.href = `sample?key=${encodeURIComponent(sample.key)}`;
      title.append(link);
      article.append(title);
      const text = (className, said) => {
        const place = make("div", className, said);
        place.dir = "auto";
        return place;
      };
      if (sample.thinking) article.append(text("text thinking", sample.thinking));
      if (sample.response) article.append(text("text", sample.response));
      else article.append(make("p", "failed", sample.error_kind ? `Failed: ${sample.error_kind}` : "No response."));
      return article;
    }));
    // What scrolls can be reached by keyboard.
    for (const text of byId("newest").querySelectorAll(".text")) if (text.scrollHeight > text.clientHeight) text.tabIndex = 0;
  };

  const say = (text) => {
    if (byId("state").textContent !== text) byId("state").textContent = text;
  };
  const source = new EventSource(byId("source").dataset.events);
  source.addEventListener("message", (event) => {
    const state = JSON.parse(event.data);
    if (state.fault) {
      say(visible(state.fault));
      return;
    }
    say(`${number(state.samples)} samples in the store; ${state.runs.length === 1 ? "1 run is" : `${number(state.runs.length)} runs are`} at work.`);
    showRuns(state.runs);
    showJobs(state.jobs);
    showNewest(state.newest);
    byId("past").replaceChildren(...state.past.map((run) => row(run.id, (run.started_at || "").replace("T", " "), run.status, run.command)));
  });
  source.addEventListener("error", () => say("Not connected: charbench view has ended, or the connection was lost. This page tries again."));
  addEventListener("pagehide", () => source.close());
})();
