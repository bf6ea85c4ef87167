//! The page `docs/metrics.md`.

use std::fmt::Write as _;

use crate::metrics;

const BEGIN: &str = "# Metrics

Every process shows its metrics at `GET /metrics` of its [admin listener](guide.md#probes), and
`restaurant-ctl exporter` those of the whole system: see [operations](operations.md#metrics).
This page is made of `crates/telemetry/src/metrics.rs`; a test compares them.

A service shows what it did itself. What belongs to the whole system is shown once, by the exporter.
Labels have the values that are listed, and start at 0. Times are seconds. Histograms have the
series of that name with `_bucket`, `_sum` and `_count`.

| metric | type | labels | shown by | meaning |
|---|---|---|---|---|
";

/// The page.
pub fn page() -> String {
    let mut page = BEGIN.to_owned();
    for metric in metrics::ALL {
        let instrument = metric.instrument();
        let labels: Vec<String> = instrument
            .labels()
            .into_iter()
            .map(|(key, values)| match values.as_slice() {
                [] => format!("`{key}`"),
                values => format!("`{key}`: {}", values.join(", ")),
            })
            .collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join("; ") };
        let programs: Vec<String> = metric.shown_by.iter().map(ToString::to_string).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {labels} | {} | {} |",
            metric.name,
            instrument.kind().as_str(),
            programs.join(", "),
            metric.help()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test -p telemetry` writes the page.
    #[test]
    fn the_page_lists_every_metric() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
        assert_eq!(written, page(), "UPDATE_DOCS=1 cargo test -p telemetry writes docs/metrics.md");
    }
}
