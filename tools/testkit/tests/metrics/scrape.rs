//! What a process shows, and what has changed since.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{Launch, PortClaim, Service, Stage, eventually, http};

/// The series of one process at one moment.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// The names of the metrics, as queries use them.
    pub names: BTreeSet<String>,
    /// Each series with its value.
    pub series: BTreeMap<String, f64>,
}

impl Scrape {
    /// Asks a process.
    pub async fn of(port: u16) -> Self {
        let answer = http::send(port, "GET", "/metrics", &[], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.header("content-type").starts_with("application/openmetrics-text"), "{answer:?}");
        assert!(answer.body.ends_with("# EOF\n"), "{answer:?}");
        Self::read(&answer.body)
    }

    fn read(text: &str) -> Self {
        let (mut names, mut series) = (BTreeSet::new(), BTreeMap::new());
        for line in text.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').unwrap();
                let suffix = match kind {
                    "counter" => "_total",
                    "info" => "_info",
                    _ => "",
                };
                assert!(names.insert(format!("{name}{suffix}")), "{name} is there twice");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(value != 0.0 || value.is_sign_positive(), "{line}");
                assert!(series.insert(name.to_owned(), value).is_none(), "{name} is there twice");
            }
        }
        Self { names, series }
    }

    /// The sum of all series of this metric, whatever their labels are.
    pub fn sum(&self, name: &str) -> f64 {
        let is_of = |series: &str| self.metric_of(series) == name;
        let values = self.series.iter().filter(|(series, _)| is_of(series)).map(|(_, value)| value);
        // Of nothing, `sum` makes -0.0, which has other bits.
        values.fold(0.0, |sum, value| sum + value)
    }

    /// The name of the metric that a series belongs to.
    fn metric_of(&self, series: &str) -> String {
        let name = series.split('{').next().unwrap();
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        of_histogram.filter(|name| self.names.contains(*name)).unwrap_or(name).to_owned()
    }
}

/// The metrics that were seen to change.
#[derive(Debug, Default)]
pub struct Moved(BTreeSet<String>);

impl Moved {
    /// Compares two moments of a process, or two processes of a kind.
    pub fn compare(&mut self, before: &Scrape, after: &Scrape) {
        for (series, value) in &after.series {
            if before.series.get(series).is_some_and(|earlier| earlier.to_bits() != value.to_bits()) {
                self.0.insert(after.metric_of(series));
            }
        }
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// A process and its admin port.
pub struct Measured {
    pub service: Service,
    admin: PortClaim,
    first: Scrape,
}

impl Measured {
    /// A service that shows its metrics.
    pub async fn start(launch: Launch) -> Self {
        let admin = PortClaim::of(0).unwrap();
        let service = launch.env("ADMIN_PORT", admin.port().to_string()).start().await;
        let first = Scrape::of(admin.port()).await;
        Self { service, admin, first }
    }

    /// An exporter that has looked at both servers, and audited.
    pub async fn exporter(stage: &Stage) -> Self {
        Self::exporter_in(stage.environment()).await
    }

    /// The same, in this environment.
    pub async fn exporter_in(environment: Vec<(&'static str, String)>) -> Self {
        let admin = PortClaim::of(0).unwrap();
        let launch = Launch::new("restaurant-ctl", environment).arg("exporter");
        let launch = launch.arg(format!("--port={}", admin.port())).ready_when_logged("admin_started");
        let service = launch.start().await;
        let first = eventually("the exporter's figures", async || {
            let ready = http::try_send(admin.port(), "GET", "/readyz", &[], b"").await.ok()?;
            let shown = Scrape::of(admin.port()).await;
            let is_audited = shown.names.contains("restaurant_audit_findings");
            (ready.status == 200 && is_audited).then_some(shown)
        })
        .await;
        Self { service, admin, first }
    }

    /// What it showed first.
    pub fn first(&self) -> &Scrape {
        &self.first
    }

    pub async fn scrape(&self) -> Scrape {
        Scrape::of(self.admin.port()).await
    }

    /// Waits until this has another sum than at first, and notes what else has changed by then.
    pub async fn until_moved(&self, name: &str, moved: &mut Moved) {
        let before = self.first.sum(name);
        let after = eventually(&format!("{name} to move"), async || {
            let now = self.scrape().await;
            (now.sum(name).to_bits() != before.to_bits()).then_some(now)
        })
        .await;
        moved.compare(&self.first, &after);
    }

    /// Notes what has changed until now.
    pub async fn note(&self, moved: &mut Moved) {
        moved.compare(&self.first, &self.scrape().await);
    }
}
