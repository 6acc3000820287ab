"use strict";
// A dot leads to its answers, an answer to its dots. Texts are read from the page and written as text alone.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const index = new Map(data.uids.map((uid, i) => [uid, i]));
  const page = document.documentElement;
  const panel = document.getElementById("point");
  const rows = document.querySelectorAll("#points tbody tr");
  const prompts = document.querySelectorAll("#answers > details");
  const items = Array.from(prompts, (prompt) => prompt.querySelectorAll("li"));
  const marks = Array.from(document.querySelectorAll("svg [data-uid]")).filter((mark) => index.has(mark.dataset.uid));
  let chosen = null;
  let other = null;
  let found = "";

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const button = (text, act) => {
    const element = make("button", text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  };
  const of = (mark) => index.get(mark.dataset.uid);
  const cell = (point, column) => rows[point].cells[column].textContent;
  const name = (point) => `Point ${point + 1}: ${cell(point, 1)}`;
  const prompt = (number) => prompts[number].querySelector("summary span").textContent;
  const text = (number, answer) => items[number][answer].querySelector("p").textContent;
  const givers = (number, answer) =>
    data.given.flatMap((given, point) => (given.some((_, i) => i % 2 === 0 && given[i] === number && given[i + 1] === answer) ? [point] : []));
  const given = (point) => {
    const byPrompt = new Map();
    for (let i = 0; i < data.given[point].length; i += 2) {
      const [number, answer] = data.given[point].slice(i, i + 2);
      byPrompt.set(number, [...(byPrompt.get(number) ?? []), answer]);
    }
    return byPrompt;
  };

  // Rings around marks, and all others faint.
  const show = (groups) => {
    for (const ring of document.querySelectorAll(".ring")) ring.remove();
    const all = new Set(groups.flatMap(([points]) => points));
    for (const svg of document.querySelectorAll("figure svg")) svg.classList.toggle("choosing", all.size > 0);
    for (const mark of marks) {
      const point = of(mark);
      mark.classList.toggle("chosen", all.has(point));
      for (const [points, className] of groups) {
        if (!points.includes(point)) continue;
        const box = mark.lastElementChild.getBBox();
        const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
        ring.setAttribute("class", `ring ${className}`);
        ring.setAttribute("cx", box.x + box.width / 2);
        ring.setAttribute("cy", box.y + box.height / 2);
        ring.setAttribute("r", 2.7);
        mark.parentNode.append(ring);
      }
    }
    rows.forEach((row, point) => row.classList.toggle("chosen", all.has(point)));
  };
  const showChoice = () => {
    for (const item of document.querySelectorAll("li.chosen")) item.classList.remove("chosen");
    show([[chosen === null ? [] : [chosen], "a"], [other === null ? [] : [other], "b"]]);
  };

  // Back from an answer to the dots that gave it.
  const showGivers = (number, answer) => {
    showChoice();
    show([[givers(number, answer), "soft"], [chosen === null ? [] : [chosen], "a"]]);
    items[number][answer].classList.add("chosen");
  };

  const answersOf = (number, point, className) => {
    const box = make("div", undefined, className);
    for (const answer of given(point).get(number) ?? []) {
      box.append(make("p", text(number, answer)));
      const points = givers(number, answer).length;
      box.append(button(points === 1 ? "only here" : `given by ${points} points`, () => showGivers(number, answer)));
    }
    const strip = data.strips.findIndex(([of, to]) => of === point && to === number);
    if (strip >= 0)
      box.append(
        button("tokens by expert", () => {
          const details = document.getElementById(`s${strip + 1}`);
          details.open = true;
          details.scrollIntoView({ block: "center" });
        }),
      );
    return box;
  };

  const list = (into) => {
    into.replaceChildren();
    const words = found.toLowerCase();
    const numbers = new Set([...given(chosen).keys(), ...(other === null ? [] : given(other).keys())]);
    let shown = 0;
    for (const number of Array.from(numbers).sort((a, b) => a - b)) {
      const entry = make("div", undefined, "given");
      entry.append(make("h3", prompt(number)), answersOf(number, chosen, other === null ? "" : "a"));
      if (other !== null) entry.append(answersOf(number, other, "b"));
      if (words && !entry.textContent.toLowerCase().includes(words)) continue;
      into.append(entry);
      shown += 1;
    }
    if (shown === 0) into.append(make("p", words ? "No prompt or answer has these words." : "No answers are in this report.", "weak"));
  };

  const fill = () => {
    panel.replaceChildren();
    const heading = make("h2", name(chosen));
    heading.tabIndex = -1;
    const scores = make("dl");
    const heads = document.querySelectorAll("#points thead th");
    for (let column = 2; column < heads.length; column += 1) scores.append(make("dt", heads[column].textContent), make("dd", cell(chosen, column)));
    const bar = make("div", undefined, "bar");
    bar.append(button("◀", () => step(-1)), button("▶", () => step(1)));
    bar.children[0].setAttribute("aria-label", "Previous point");
    bar.children[1].setAttribute("aria-label", "Next point");
    if (other === null) bar.append(button("Compare: keep as B", () => go(chosen, chosen)));
    else bar.append(button("Stop comparing", () => go(chosen, null)));
    bar.append(button("Close", () => go(null, null)));
    const answers = make("div");
    const search = make("input");
    search.type = "search";
    search.placeholder = "Find in prompts and answers";
    search.setAttribute("aria-label", search.placeholder);
    search.value = found;
    search.addEventListener("input", () => {
      found = search.value;
      list(answers);
    });
    const finding = make("div", undefined, "bar");
    finding.append(search);
    panel.append(heading, scores, bar);
    if (other !== null) {
      const words = other === chosen ? "B is this point: choose another one to compare with it." : `B is ${name(other).toLowerCase()}, ${cell(other, 2)}.`;
      panel.append(make("p", words, "weak"));
    }
    panel.append(finding, answers);
    list(answers);
  };

  const draw = () => {
    page.classList.toggle("open", chosen !== null);
    panel.hidden = chosen === null;
    if (chosen !== null) fill();
    showChoice();
  };

  const go = (point, kept) => {
    chosen = point;
    other = point === null ? null : kept;
    const uid = (of) => encodeURIComponent(data.uids[of]);
    const hash = chosen === null ? "" : `#dot=${uid(chosen)}${other === null ? "" : `&with=${uid(other)}`}`;
    history.replaceState(null, "", hash || location.pathname + location.search);
    draw();
  };
  const step = (by) => go((chosen + by + data.uids.length) % data.uids.length, other);

  const read = () => {
    const hash = location.hash.slice(1);
    const row = /^p(\d+)$/.exec(hash);
    if (row && rows[row[1] - 1]) return go(row[1] - 1, other);
    const named = new URLSearchParams(hash);
    const at = index.get(named.get("dot"));
    if (at !== undefined) go(at, index.get(named.get("with")) ?? null);
  };

  // Dots: one tab stop per figure, arrows from there.
  for (const svg of document.querySelectorAll("figure svg")) {
    svg.classList.toggle("narrow", svg.viewBox.baseVal.width < 120);
    const own = marks.filter((mark) => svg.contains(mark));
    if (own.length === 0) continue;
    svg.setAttribute("role", "group");
    own.forEach((mark, i) => {
      mark.setAttribute("role", "button");
      mark.setAttribute("tabindex", i === 0 ? 0 : -1);
      const title = mark.querySelector("title");
      if (title) mark.setAttribute("aria-label", title.textContent);
      mark.addEventListener("click", (event) => go(of(mark), event.shiftKey && chosen !== null ? chosen : other));
      mark.addEventListener("focus", () => {
        if (mark.matches(":focus-visible")) show([[[of(mark)], "soft"], [chosen === null ? [] : [chosen], "a"]]);
      });
      mark.addEventListener("blur", showChoice);
      mark.addEventListener("keydown", (event) => {
        const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (by) {
          const next = own[(i + by + own.length) % own.length];
          mark.setAttribute("tabindex", -1);
          next.setAttribute("tabindex", 0);
          next.focus();
        } else if (event.key === "Enter" || event.key === " ") {
          go(of(mark), other);
          panel.querySelector("h2").focus();
        } else return;
        event.preventDefault();
      });
    });
  }
  items.forEach((answers, number) =>
    answers.forEach((item, answer) => item.querySelector("small").append(" ", button("show in the figures", () => showGivers(number, answer)))),
  );
  rows.forEach((row, point) => {
    const link = make("a", row.cells[0].textContent);
    link.href = `#p${point + 1}`;
    row.cells[0].replaceChildren(link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") go(null, null);
  });
  addEventListener("hashchange", read);
  read();
})();
