import { asClock } from "./format.js";
import { h } from "./dom.js";
import { t } from "./texts.js";
import uPlot from "./uplot.js";

const HEIGHT = 200;
const theme = matchMedia("(prefers-color-scheme: dark)");

/**
 * A plot with its key. It is one picture to a screen reader; a table below it has all its figures,
 * for everybody. `series` has { label, name, bars, align } each; `name` is a class that gives the
 * colour. `first` is the heading of the table's first column, and `asText` says a figure in words.
 */
export class Plot {
  constructor({ title, series, labels, whole = true, first, asText = String }) {
    Object.assign(this, { series, labels, whole, asText });
    this.keys = series.map(({ label, name }) => h("li", { class: `key ${name}` }, label));
    this.canvas = h("div", { class: "plot-canvas", role: "img", "aria-label": title, dir: "ltr" });
    this.rows = h("tbody");
    this.table = h("details", { class: "plot-table", ontoggle: () => this.list() },
      h("summary", {}, t("staff.plot.table")),
      h("div", { class: "plot-rows", role: "region", tabindex: "0", "aria-label": title }, h("table", {},
        h("thead", {}, h("tr", {}, [first, ...series.map(({ label }) => label)].map((name) => h("th", { scope: "col" }, name)))), this.rows)));
    this.element = h("figure", { class: "plot card" },
      h("figcaption", { class: "plot-title" }, title), h("ul", { class: "keys" }, this.keys), this.canvas, this.table);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    theme.addEventListener("change", () => this.draw());
  }

  /** Shows columns: the x values, then those of each series; null where there is none. */
  show(columns, description) {
    this.canvas.setAttribute("aria-label", description);
    this.columns = columns;
    if (this.plot) this.plot.setData(columns);
    else this.draw();
    this.list();
  }

  /** The figures as a table, the latest first, while somebody looks at it. */
  list() {
    if (!this.table.open || !this.columns) return;
    const [first, ...others] = this.columns;
    const name = (value) => (this.labels ? this.labels[value] : asClock(new Date(value * 1000)));
    const rows = first.map((value, index) => h("tr", {}, h("th", { scope: "row" }, name(value)),
      others.map((column) => h("td", {}, column[index] === null ? "–" : this.asText(column[index])))));
    this.rows.replaceChildren(...(this.labels ? rows : rows.reverse()));
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (!this.plot) this.draw();
    else if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!this.columns || width === 0) return;
    this.plot?.destroy();
    const ink = getComputedStyle(this.element).color;
    const line = getComputedStyle(this.element).borderTopColor;
    const axis = { stroke: ink, font: "12px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const { labels, whole } = this;
    this.plot = new uPlot({
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: labels ? { time: false, range: [-0.6, labels.length - 0.4] } : { time: true },
        y: { range: (_, __, most) => [0, Math.max(whole ? 4 : 1, most * 1.1)] },
      },
      axes: [
        labels
          ? { ...axis, grid: { show: false }, splits: () => labels.map((_, index) => index), values: () => labels }
          : { ...axis, space: 60, values: (_, times) => times.map((time) => asClock(new Date(time * 1000))) },
        { ...axis, size: 44, incrs: whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] : undefined },
      ],
      series: [{}, ...this.series.map(({ label, bars, align = 0 }, index) => {
        const stroke = getComputedStyle(this.keys[index], "::before").backgroundColor;
        return bars
          ? { label, stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: bars, align }) }
          : { label, stroke, width: 2, points: { show: !whole, size: 6, fill: stroke } };
      })],
    }, this.columns, this.canvas);
  }
}
