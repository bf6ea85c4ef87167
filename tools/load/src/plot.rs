//! Plots as SVG, for self-contained pages.

use std::fmt::Write as _;

use serde::Serialize;

/// The CSS rules of the plots of a page.
pub const PLOT_STYLE: &str = "svg{width:100%;height:auto;max-width:760px;display:block}polyline{fill:none;stroke-width:2}\
    line{stroke:#ddd}text{font:12px sans-serif;fill:#555}";

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
/// Half of the last label.
const RIGHT: f64 = 40.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 36.0;
/// The largest number of points that are marked and labelled one by one.
const FEW: usize = 20;
const COLOURS: [&str; 8] =
    ["#b3261e", "#1f5fa8", "#6b6b6b", "#2e7d32", "#8a6d00", "#7b1fa2", "#00838f", "#ad5600"];

/// The points of a curve.
pub type Points = Vec<(f64, f64)>;

/// Curves in one plot.
#[derive(Clone, Debug, Serialize)]
pub struct Plot {
    title: String,
    /// What the x axis shows.
    x: String,
    /// Whether the x axis is logarithmic, in powers of two.
    by_powers: bool,
    /// What the y axis shows.
    y: String,
    /// Names and points of the curves.
    curves: Vec<(String, Points)>,
    /// Places and texts on the x axis. Without any, the plot chooses round values.
    #[serde(skip)]
    labels: Vec<(f64, String)>,
}

impl Plot {
    /// A plot of curves with names, with the units of both axes.
    pub fn new<N: Into<String>>(
        title: &str,
        x: &str,
        y: &str,
        curves: impl IntoIterator<Item = (N, Points)>,
    ) -> Self {
        let [title, x, y] = [title, x, y].map(str::to_owned);
        let curves = curves.into_iter().map(|(name, points)| (name.into(), points)).collect();
        Self { title, x, by_powers: false, y, curves, labels: Vec::new() }
    }

    /// The same with a logarithmic x axis, in powers of two.
    #[must_use]
    pub fn by_powers(self) -> Self {
        Self { by_powers: true, ..self }
    }

    /// The same with these places and texts on the x axis.
    #[must_use]
    pub fn labelled(self, labels: Vec<(f64, String)>) -> Self {
        Self { labels, ..self }
    }

    /// The plot with its title as HTML. The level of the heading is 2 under a page's `<h1>`.
    pub fn html(&self, level: u8) -> String {
        format!("<h{level}>{}</h{level}>\n{}\n", escaped(&self.title), self.svg())
    }

    /// The curves and a legend. Axes start at zero, or at the smallest power.
    fn svg(&self) -> String {
        let along = |x: f64| if self.by_powers { x.max(1.0).log2() } else { x };
        let points = || self.curves.iter().flat_map(|(_, points)| points);
        let first = points().map(|(x, _)| along(*x)).fold(f64::INFINITY, f64::min);
        let last = points().map(|(x, _)| along(*x)).fold(f64::NEG_INFINITY, f64::max);
        let highest = points().map(|(_, y)| *y).fold(0.0, f64::max);
        let step = round_step(highest, 5.0);
        let top = (highest / step).ceil().max(1.0) * step;
        let share = |value: f64| (along(value) - first) / (last - first).max(f64::MIN_POSITIVE);
        let x = |value: f64| LEFT + share(value).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);

        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
        let right = WIDTH - RIGHT;
        for value in multiples(step, 0.0, top) {
            let at = y(value);
            let _ = write!(svg, "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>");
            svg += &text(LEFT - 8.0, at + 4.0, "text-anchor=\"end\"", &number(value));
        }
        for (value, label) in self.ticks() {
            svg += &text(x(value), HEIGHT - BOTTOM + 16.0, "text-anchor=\"middle\"", &label);
        }
        svg += &text(right, HEIGHT - 4.0, "text-anchor=\"end\"", &self.x);
        svg += &text(LEFT, 12.0, "", &self.y);
        let mut legend = LEFT + 70.0;
        for ((name, points), colour) in self.curves.iter().zip(COLOURS.iter().cycle()) {
            let line: Vec<String> =
                points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
            let _ = write!(svg, "<polyline stroke=\"{colour}\" points=\"{}\"/>", line.join(" "));
            for (at, value) in points.iter().filter(|_| points.len() <= FEW) {
                let (cx, cy) = (x(*at), y(*value));
                let title = escaped(&format!("{name}: {} at {}", number(*value), number(*at)));
                let _ = write!(
                    svg,
                    "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\" fill=\"{colour}\"><title>{title}</title></circle>"
                );
            }
            svg += &text(legend, 12.0, &format!("style=\"fill:{colour}\""), &format!("● {name}"));
            #[expect(clippy::cast_precision_loss, reason = "the length of a name")]
            let width = name.chars().count() as f64 * 6.5 + 24.0;
            legend += width;
        }
        svg + "</svg>"
    }

    /// Places and texts on the x axis: the given ones, those of the points, or round values if
    /// there are too many points, or if they are times.
    fn ticks(&self) -> Vec<(f64, String)> {
        if !self.labels.is_empty() {
            return self.labels.clone();
        }
        let mut places: Vec<f64> =
            self.curves.iter().flat_map(|(_, points)| points.iter().map(|(x, _)| *x)).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let are_times = places.len() > FEW || places.iter().any(|place| place.fract() != 0.0);
        if let (Some(first), Some(last)) = (places.first(), places.last())
            && !self.by_powers
            && are_times
        {
            places = multiples(round_step(last - first, 12.0), *first, *last).collect();
        }
        places.into_iter().map(|place| (place, number(place))).collect()
    }
}

/// A text in the picture.
fn text(x: f64, y: f64, attribute: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {attribute}>{}</text>", escaped(text))
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

/// Escapes a text for HTML and SVG.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
        let curve = ("c", vec![(1.0, 5.0), (1_024.0, 10.0)]);
        let html = Plot::new("<t>", "a", "b", [curve]).by_powers().html(3);
        assert!(html.contains("points=\"70.0,130.0 680.0,36.0\""), "{html}");
        assert!(html.starts_with("<h3>&lt;t&gt;</h3>"), "{html}");
    }

    #[test]
    fn the_last_label_fits_into_the_plot() {
        let labels = vec![(0.0, "0 %".to_owned()), (4.0, "99.99 %".to_owned())];
        let svg = Plot::new("t", "", "ms", [("c", vec![(0.0, 1.0), (4.0, 2.0)])]).labelled(labels).svg();
        let label = svg.split("<text x=\"").find(|rest| rest.contains(">99.99 %<")).unwrap();
        let middle: f64 = label.split('"').next().unwrap().parse().unwrap();
        // Seven characters of 12 px are less than 60 px wide.
        assert!(middle + 30.0 < WIDTH, "{middle}");
    }

    #[test]
    fn a_plot_without_points_has_no_curve() {
        let svg = Plot::new("t", "s", "a second", [("c", Vec::new())]).svg();
        assert!(svg.contains("points=\"\"") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
