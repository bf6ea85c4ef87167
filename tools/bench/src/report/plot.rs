//! Plots as SVG.

use std::fmt::Write as _;

use crate::outcome::Plot;
use crate::report::html::escaped;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 36.0;
const COLOURS: [&str; 8] =
    ["#b3261e", "#1f5fa8", "#6b6b6b", "#2e7d32", "#8a6d00", "#7b1fa2", "#00838f", "#ad5600"];

/// A plot with its curves and a legend. Axes start at zero, or at the smallest power.
pub fn svg(plot: &Plot) -> String {
    let scale = Scale::of(plot);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    for value in multiples(scale.step, 0.0, scale.highest) {
        let at = scale.y(value);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            number(value)
        );
    }
    for value in ticks(plot) {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            scale.x(value),
            HEIGHT - BOTTOM + 16.0,
            number(value)
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><text x=\"{LEFT}\" y=\"12\">{}</text>",
        WIDTH - RIGHT,
        HEIGHT - 4.0,
        escaped(&plot.x),
        escaped(&plot.y)
    );
    let mut legend = LEFT + 70.0;
    for ((name, points), colour) in plot.curves.iter().zip(COLOURS.iter().cycle()) {
        let line: Vec<String> =
            points.iter().map(|(x, y)| format!("{:.1},{:.1}", scale.x(*x), scale.y(*y))).collect();
        let _ = write!(svg, "<polyline stroke=\"{colour}\" points=\"{}\"/>", line.join(" "));
        for (x, y) in points.iter().filter(|_| points.len() <= 20) {
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"><title>{}: {} at {}</title></circle>",
                scale.x(*x),
                scale.y(*y),
                escaped(name),
                number(*y),
                number(*x)
            );
        }
        let _ = write!(
            svg,
            "<text x=\"{legend:.0}\" y=\"12\" style=\"fill:{colour}\">● {}</text>",
            escaped(name)
        );
        #[expect(clippy::cast_precision_loss, reason = "the length of a name")]
        let width = name.chars().count() as f64 * 6.5 + 24.0;
        legend += width;
    }
    svg + "</svg>"
}

/// Maps values to positions in the picture.
struct Scale {
    by_powers: bool,
    first: f64,
    last: f64,
    /// The value at the top of the picture: a multiple of `step`.
    highest: f64,
    /// The distance between two lines.
    step: f64,
}

impl Scale {
    fn of(plot: &Plot) -> Self {
        let points = || plot.curves.iter().flat_map(|(_, points)| points);
        let along = |x: f64| if plot.by_powers { x.max(1.0).log2() } else { x };
        let first = points().map(|(x, _)| along(*x)).fold(f64::INFINITY, f64::min);
        let last = points().map(|(x, _)| along(*x)).fold(f64::NEG_INFINITY, f64::max);
        let highest = points().map(|(_, y)| *y).fold(0.0, f64::max);
        let step = round_step(highest, 5.0);
        Self {
            by_powers: plot.by_powers,
            first,
            last,
            highest: (highest / step).ceil().max(1.0) * step,
            step,
        }
    }

    fn x(&self, value: f64) -> f64 {
        let along = if self.by_powers { value.max(1.0).log2() } else { value };
        let span = (self.last - self.first).max(f64::MIN_POSITIVE);
        LEFT + ((along - self.first) / span).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - value / self.highest * (HEIGHT - TOP - BOTTOM)
    }
}

/// The smallest of 1, 2, 5, 10, 20, … (or 0.5, 0.2, …) that fits into the span at most `most`
/// times.
fn round_step(span: f64, most: f64) -> f64 {
    let least = if span > 0.0 { span / most } else { 1.0 };
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// The multiples of a step between two values.
fn multiples(step: f64, first: f64, last: f64) -> impl Iterator<Item = f64> {
    let start = (first / step).ceil();
    (0..=12_u32)
        .map(move |number| (start + f64::from(number)) * step)
        .take_while(move |value| *value <= last + step / 1_000.0)
}

/// The positions of labels: those of the points, or round values near them if they are times.
fn ticks(plot: &Plot) -> Vec<f64> {
    let mut places: Vec<f64> =
        plot.curves.iter().flat_map(|(_, points)| points.iter().map(|(x, _)| *x)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    match (places.first(), places.last()) {
        (Some(first), Some(last)) if !plot.by_powers && places.iter().any(|place| place.fract() != 0.0) => {
            multiples(round_step(last - first, 12.0), *first, *last).collect()
        }
        _ => places,
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_round_values() {
        let lines = |highest: f64| {
            let step = round_step(highest, 5.0);
            multiples(step, 0.0, (highest / step).ceil() * step).map(number).collect::<Vec<_>>()
        };
        assert_eq!(lines(5_046.0), ["0", "2000", "4000", "6000"]);
        assert_eq!(lines(0.97), ["0", "0.20", "0.40", "0.60", "0.80", "1"]);
        assert_eq!(number(round_step(0.0, 5.0)), "1");
        assert_eq!(multiples(100.0, 5.0, 730.0).map(number).last().as_deref(), Some("700"));
    }

    #[test]
    fn curves_stay_inside() {
        let plot = Plot {
            title: "<t>".to_owned(),
            x: "a".to_owned(),
            by_powers: true,
            y: "b".to_owned(),
            curves: vec![("c".to_owned(), vec![(1.0, 5.0), (1_024.0, 10.0)])],
        };
        let svg = svg(&plot);
        assert!(svg.contains("points=\"70.0,130.0 700.0,36.0\""), "{svg}");
    }
}
