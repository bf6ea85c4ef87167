//! `up --observe`: after the demo, a real Prometheus has data for every query of the dashboards,
//! those of the servers' own metrics too, and the alerts are silent.

use std::os::unix::fs::symlink;
use std::time::Duration;

use devcluster::observability::{DashboardQuery, dashboard_queries, server_dashboard_queries};
use devcluster::{ensure_postgres_exporter, ensure_prometheus, path_segment, project};
use runtime::http_client::{Request, send};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::workspace::{ONE_AT_A_TIME, Workspace, eventually};

/// Seven processes of services, the exporter, RabbitMQ, and PostgreSQL's exporter.
const TARGETS: &str = "10";
/// How many of them answer.
const ANSWERING: &str = "sum(up)";
/// Debian's exporter, of version 0.11, does not tell it. Later ones do.
const NOT_TOLD: [&str; 1] = ["pg_replication_lag_seconds"];
/// The demo opens no stream of events. The series is there, and its quantiles are no numbers.
const WITHOUT_NUMBERS: [&str; 1] = ["Delay of events"];
/// Some scrapes, and an audit.
const LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(500);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Prometheus, by its port.
struct Api(u16);

impl Api {
    /// What it answers as `data`.
    async fn get(&self, path: &str) -> Value {
        let answer = send(self.0, &Request::get(path), ANSWER_LIMIT).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let mut answer: Value = serde_json::from_str(&answer.body).unwrap();
        answer["data"].take()
    }

    /// The values of an expression at this moment.
    async fn values(&self, expression: &str) -> Vec<String> {
        let found = self.get(&format!("/api/v1/query?query={}", path_segment(expression))).await;
        assert_eq!(found["resultType"], "vector", "{expression}");
        let values = found["result"].as_array().unwrap().iter();
        values.map(|series| series["value"][1].as_str().unwrap().to_owned()).collect()
    }

    /// Whether a query has data: numbers, where there can be some.
    async fn has_data(&self, query: &DashboardQuery) -> bool {
        let values = self.values(&query.expression.replace("$__rate_interval", "2m")).await;
        let is_number = |value: &String| value.parse::<f64>().is_ok_and(|value| !value.is_nan());
        let needs_none = WITHOUT_NUMBERS.contains(&query.panel.as_str());
        values.iter().any(|value| needs_none || is_number(value))
    }
}

/// Asks again and again.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < LIMIT, "not within {} s: {what}", LIMIT.as_secs());
        sleep(POLL).await;
    }
}

#[tokio::test]
async fn every_query_of_the_dashboards_has_data_after_the_demo() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let progress = |line: &str| eprintln!("{line}");
    ensure_prometheus(&project::packages(), &progress).await.unwrap();
    ensure_postgres_exporter(&project::packages(), &progress).await.unwrap();
    let mut workspace = Workspace::new();
    workspace.set("KITCHEN_COOKING_SECONDS_DELIVERY", "0.5");
    for folder in [workspace.local(""), project::packages()] {
        std::fs::create_dir_all(folder).unwrap();
    }
    symlink(project::packages(), workspace.local("packages")).unwrap();
    workspace
        .run(&["up", "--detach", "--observe"])
        .expect(0, &["Prometheus watches them on http://127.0.0.1:", "The restaurant is open"]);
    workspace.run(&["up", "--observe"]).expect(0, &["open already", "Prometheus watches it on http://"]);
    workspace
        .run(&["status"])
        .expect(0, &["exporter", "postgres-exporter", "prometheus", "Prometheus: http://127.0.0.1:"]);
    let url = workspace.record()["prometheus_url"].as_str().unwrap().to_owned();
    let api = Api(url.rsplit_once(':').unwrap().1.parse().unwrap());

    // Nothing that the demo does is missed: each process was scraped before.
    until("each process is scraped", async || api.values(ANSWERING).await == [TARGETS]).await;
    workspace.run(&["demo", "--orders", "12", "--every", "0.2", "--seed", "1"]).expect(0, &["12 ready"]);

    let of_servers = server_dashboard_queries().unwrap().into_iter();
    let is_told = |query: &DashboardQuery| !NOT_TOLD.iter().any(|metric| query.expression.contains(metric));
    for query in dashboard_queries().unwrap().into_iter().chain(of_servers.filter(is_told)) {
        let what = format!("data for '{}' of {}: {}", query.panel, query.dashboard, query.expression);
        until(&what, async || api.has_data(&query).await).await;
    }
    until("each rule was evaluated", async || {
        let found = api.get("/api/v1/rules").await;
        let groups = found["groups"].as_array().unwrap().iter();
        let rules: Vec<&Value> = groups.flat_map(|group| group["rules"].as_array().unwrap()).collect();
        assert!(rules.iter().all(|rule| rule["health"] != "err"), "{rules:?}");
        rules.len() > 10 && rules.iter().all(|rule| rule["health"] == "ok")
    })
    .await;
    let alerts = api.get("/api/v1/alerts").await;
    let fires = |alert: &&Value| alert["state"] == "firing";
    assert_eq!(alerts["alerts"].as_array().unwrap().iter().find(fires), None);

    for name in ["exporter", "postgres-exporter", "prometheus"] {
        let killed = workspace.pid_of(name).unwrap();
        kill_process(Pid::from_raw(killed).unwrap(), Signal::KILL).unwrap();
        eventually(&format!("the {name} runs again"), Duration::from_secs(30), || {
            workspace.pid_of(name).is_some_and(|pid| pid != killed)
        });
    }
    until("it is watched again", async || api.values(ANSWERING).await == [TARGETS]).await;
    workspace.run(&["down"]).expect(0, &["closed"]);
    workspace.is_closed();
}
