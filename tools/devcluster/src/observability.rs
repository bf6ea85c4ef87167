//! What `deploy/observability` contains.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Error, project};

/// The folder.
pub fn folder() -> PathBuf {
    project::root().join("deploy/observability")
}

/// The rules for Prometheus.
pub fn rules() -> PathBuf {
    folder().join("rules.yaml")
}

/// The tests of the rules.
pub fn tests_of_rules() -> PathBuf {
    folder().join("rules.test.yaml")
}

/// A query of a dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DashboardQuery {
    /// The file of the dashboard, such as `restaurant.json`.
    pub dashboard: String,
    /// The title of the panel.
    pub panel: String,
    /// The expression, in which Grafana replaces variables such as `$__rate_interval`.
    pub expression: String,
}

#[derive(Deserialize)]
struct Dashboard {
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
struct Panel {
    title: String,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    expr: String,
}

/// All queries of the dashboards that show our metrics.
///
/// # Errors
/// A file cannot be read, or is no dashboard.
pub fn dashboard_queries() -> Result<Vec<DashboardQuery>, Error> {
    queries_below("dashboards")
}

/// All queries of the dashboards that show what PostgreSQL's and RabbitMQ's exporters tell.
///
/// # Errors
/// A file cannot be read, or is no dashboard.
pub fn server_dashboard_queries() -> Result<Vec<DashboardQuery>, Error> {
    queries_below("server-dashboards")
}

fn queries_below(name: &str) -> Result<Vec<DashboardQuery>, Error> {
    let folder = folder().join(name);
    let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut queries = Vec::new();
    for entry in entries.map_err(Error::file("read", &folder))? {
        queries.extend(queries_of(&entry.path())?);
    }
    Ok(queries)
}

fn queries_of(path: &Path) -> Result<Vec<DashboardQuery>, Error> {
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let dashboard: Dashboard =
        serde_json::from_str(&text).map_err(|why| Error::file("read", path)(why.into()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let of_panel = |panel: Panel| {
        let (dashboard, title) = (name.clone().into_owned(), panel.title);
        panel.targets.into_iter().map(move |target| DashboardQuery {
            dashboard: dashboard.clone(),
            panel: title.clone(),
            expression: target.expr,
        })
    };
    Ok(dashboard.panels.into_iter().flat_map(of_panel).collect())
}
