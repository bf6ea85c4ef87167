import { asClock } from "./format.js";
import { h } from "./dom.js";
import uPlot from "./uplot.js";

const HEIGHT = 200;
const theme = matchMedia("(prefers-color-scheme: dark)");

/**
 * A plot with its key. The figures are said in words elsewhere, so it is one picture to a screen
 * reader. `series` has { label, name, bars, align } each; `name` is a class that gives the colour.
 */
export class Plot {
  constructor({ title, series, labels, whole = true }) {
    Object.assign(this, { series, labels, whole });
    this.keys = series.map(({ label, name }) => h("li", { class: `key ${name}` }, label));
    this.canvas = h("div", { class: "plot-canvas", role: "img", "aria-label": title, dir: "ltr" });
    this.element = h("figure", { class: "plot card" },
      h("figcaption", { class: "plot-title" }, title), h("ul", { class: "keys" }, this.keys), this.canvas);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    theme.addEventListener("change", () => this.draw());
  }

  /** Shows columns: the x values, then those of each series; null where there is none. */
  show(columns, description) {
    this.canvas.setAttribute("aria-label", description);
    this.columns = columns;
    if (this.plot) this.plot.setData(columns);
    else this.draw();
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
