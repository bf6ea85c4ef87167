//! The metrics of `docs/metrics.md`, and what else an expression may name.

use std::collections::{BTreeMap, BTreeSet};

use testkit::shared_servers::workspace;

use crate::expression::{Expression, Selector};

/// When the last backup by `CloudNativePG` ended. It notes none in our table.
const OF_CLOUDNATIVEPG: &str = "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp";

/// Labels that Prometheus gives to everything that it scrapes.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];
/// The label of a histogram's buckets.
const BOUND: &str = "le";

/// A metric of the page.
#[derive(Clone, Debug)]
pub struct Metric {
    is_histogram: bool,
    /// Each label with its values; without any, the page does not list them.
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// All metrics of the page.
#[derive(Debug)]
pub struct Documented(BTreeMap<String, Metric>);

impl Documented {
    pub fn load() -> Self {
        let page = std::fs::read_to_string(workspace().join("docs/metrics.md")).unwrap();
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let metrics: BTreeMap<_, _> = rows.map(metric).collect();
        assert!(metrics.len() > 30, "{page}");
        Self(metrics)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The metric that has a series of this name.
    fn of_series(&self, series: &str) -> Option<(&str, &Metric)> {
        let suffixes = ["_bucket", "_sum", "_count"];
        let of_histogram = suffixes.iter().find_map(|suffix| {
            self.0.get_key_value(series.strip_suffix(suffix)?).filter(|(_, metric)| metric.is_histogram)
        });
        let found = of_histogram
            .or_else(|| self.0.get_key_value(series).filter(|(_, metric)| !metric.is_histogram))?;
        Some((found.0.as_str(), found.1))
    }

    /// The metrics that an expression reads.
    pub fn read_by(&self, expression: &str) -> BTreeSet<&str> {
        let selectors = Expression::read(expression).selectors;
        selectors.iter().filter_map(|selector| Some(self.of_series(&selector.metric)?.0)).collect()
    }

    /// What an expression names that is not documented.
    pub fn problems(&self, text: &str) -> Vec<String> {
        let expression = Expression::read(text);
        let mut problems = Vec::new();
        let mut known: BTreeSet<&str> = OF_PROMETHEUS.into();
        for selector in expression.selectors.iter().filter(|selector| selector.metric != OF_CLOUDNATIVEPG) {
            let Some((_, metric)) = self.of_series(&selector.metric) else {
                problems.push(format!("there is no metric {}", selector.metric));
                continue;
            };
            known.extend(metric.labels.keys().map(String::as_str));
            known.extend(selector.metric.ends_with("_bucket").then_some(BOUND));
            problems.extend(metric.problems(selector));
        }
        if expression.selectors.is_empty() {
            problems.push("it reads no metric".to_owned());
        }
        let unknown = expression.groupings.iter().filter(|label| !known.contains(label.as_str()));
        problems.extend(unknown.map(|label| format!("no metric of it has the label {label}")));
        problems
    }
}

impl Metric {
    fn problems(&self, selector: &Selector) -> Vec<String> {
        let mut problems = Vec::new();
        let of_prometheus = |label: &str| OF_PROMETHEUS.contains(&label);
        for (label, operator, value) in selector.matchers.iter().filter(|(label, ..)| !of_prometheus(label)) {
            let Some(values) = self.labels.get(label) else {
                problems.push(format!("{} has no label {label}", selector.metric));
                continue;
            };
            let named: Vec<&str> =
                if operator.ends_with('~') { value.split('|').collect() } else { vec![value.as_str()] };
            let unknown = named.into_iter().filter(|value| !values.is_empty() && !values.contains(*value));
            problems.extend(unknown.map(|value| format!("{label} of {} is never {value}", selector.metric)));
        }
        problems
    }
}

/// A row: name, type, labels, programs, meaning.
fn metric(row: &str) -> (String, Metric) {
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let labels = cells[3].split("; ").filter_map(|label| {
        let (name, values) = label.strip_prefix('`')?.split_once('`')?;
        let values = values.trim_start_matches(':').split(',').map(str::trim);
        Some((name.to_owned(), values.filter(|value| !value.is_empty()).map(str::to_owned).collect()))
    });
    let metric = Metric { is_histogram: cells[2] == "histogram", labels: labels.collect() };
    (cells[1].trim_matches('`').to_owned(), metric)
}

#[test]
fn what_is_not_documented_is_seen() {
    let documented = Documented::load();
    for (expression, problem) in [
        ("restaurant_nothing > 0", "there is no metric restaurant_nothing"),
        ("restaurant_orders{color=\"red\"}", "restaurant_orders has no label color"),
        ("restaurant_orders{status=\"eaten\"}", "status of restaurant_orders is never eaten"),
        ("restaurant_orders{status=~\"ready|eaten\"}", "status of restaurant_orders is never eaten"),
        ("sum by (queue) (restaurant_orders)", "no metric of it has the label queue"),
        ("sum by (le) (restaurant_batch_size_sum)", "no metric of it has the label le"),
        ("restaurant_batch_size > 0", "there is no metric restaurant_batch_size"),
        ("restaurant_orders_total_count", "there is no metric restaurant_orders_total_count"),
        ("vector(1)", "it reads no metric"),
    ] {
        assert_eq!(documented.problems(expression), [problem], "{expression}");
    }
    for expression in [
        "max by (type, instance) (restaurant_orders{status=\"ready\",job=\"x\"})",
        "histogram_quantile(0.95, sum by (le, batch) (rate(restaurant_batch_size_bucket[5m])))",
        "rate(http_server_request_duration_seconds_count{status=~\"5..\",route!~\"/(a|b)\"}[1h])",
    ] {
        assert_eq!(documented.problems(expression), [""; 0], "{expression}");
    }
}
