//! What Prometheus' own tool says of the rules, their tests, and the queries of the dashboards.

use std::fmt::Write as _;

use devcluster::observability::{self, dashboard_queries, server_dashboard_queries};
use devcluster::{PrometheusPrograms, ensure_prometheus, project};

async fn programs() -> PrometheusPrograms {
    ensure_prometheus(&project::packages(), &|line| eprintln!("{line}")).await.unwrap()
}

#[tokio::test]
async fn the_rules_are_right_and_fire_when_they_should() {
    let (programs, rules, tests) =
        (programs().await, observability::rules(), observability::tests_of_rules());
    for arguments in [["check", "rules", rules.to_str().unwrap()], ["test", "rules", tests.to_str().unwrap()]]
    {
        let said = programs.promtool(&arguments).await.unwrap_or_else(|why| panic!("{why}"));
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

/// As rules that record each of them, because the tool checks rules.
#[tokio::test]
async fn the_queries_of_the_dashboards_are_right() {
    let programs = programs().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queries.yaml");
    let mut text = "groups:\n  - name: queries\n    rules:\n".to_owned();
    let queries = [dashboard_queries().unwrap(), server_dashboard_queries().unwrap()].concat();
    for (number, query) in (1..).zip(queries) {
        let expression = query.expression.replace("$__rate_interval", "1m");
        // A string of JSON is one of YAML.
        let expression = serde_json::Value::from(expression).to_string();
        writeln!(text, "      - {{ record: query_{number}, expr: {expression} }}").unwrap();
    }
    std::fs::write(&file, &text).unwrap();
    let check = ["check", "rules", file.to_str().unwrap()];
    programs.promtool(&check).await.unwrap_or_else(|why| panic!("{why}"));

    text.push_str("      - { record: broken, expr: \"sum(\" }\n");
    std::fs::write(&file, &text).unwrap();
    programs.promtool(&check).await.expect_err("it is not right");
}
