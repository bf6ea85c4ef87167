//! Alerts and dashboards name only metrics and labels that are documented.

use std::collections::BTreeSet;

use devcluster::observability::{dashboard_queries, server_dashboard_queries};

use crate::alerts::alerts;
use crate::documented::Documented;
use crate::expression::Expression;

#[test]
fn alerts_name_only_what_is_documented() {
    let documented = Documented::load();
    for alert in alerts() {
        assert_eq!(documented.problems(&alert.expression), [""; 0], "{}", alert.name);
    }
}

#[test]
fn dashboards_name_only_what_is_documented() {
    let (documented, queries) = (Documented::load(), dashboard_queries().unwrap());
    assert!(queries.len() > 40, "{queries:?}");
    for query in queries {
        let place = format!("{}, {}", query.dashboard, query.panel);
        assert_eq!(documented.problems(&query.expression), [""; 0], "{place}");
    }
}

/// What the servers' own exporters tell, stands apart from what we do.
#[test]
fn dashboards_of_servers_name_only_what_others_show() {
    let queries = server_dashboard_queries().unwrap();
    assert!(queries.len() > 10, "{queries:?}");
    for query in queries {
        for selector in Expression::read(&query.expression).selectors {
            let is_of_server = ["pg_", "rabbitmq_"].iter().any(|prefix| selector.metric.starts_with(prefix));
            assert!(is_of_server, "{}: {}", query.panel, selector.metric);
        }
    }
}

/// Figures of a process that nobody looks at from day to day.
const LEFT_OUT: [&str; 1] = ["process_virtual_memory_bytes"];

#[test]
fn every_metric_is_on_a_dashboard() {
    let (documented, queries) = (Documented::load(), dashboard_queries().unwrap());
    let shown: BTreeSet<&str> =
        queries.iter().flat_map(|query| documented.read_by(&query.expression)).collect();
    let missing: Vec<&str> =
        documented.names().filter(|name| !shown.contains(name) && !LEFT_OUT.contains(name)).collect();
    assert!(missing.is_empty(), "no panel shows {missing:?}");
}
