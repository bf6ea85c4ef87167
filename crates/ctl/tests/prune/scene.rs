//! A database with a past, and the commands.

use serde_json::Value;
use testkit::database::Database;
use testkit::service::Ended;
use testkit::{Launch, Stage};

use crate::past;

/// What is old enough, as SQL has it.
pub const OLD: &str = "updated_at < now() - interval '90 days'";

/// A stage whose queues are declared. No service runs.
pub struct Scene {
    pub stage: Stage,
    pub database: Database,
}

impl Scene {
    /// With so many orders of the last months, drawn by a seed.
    pub async fn with_past(count: u32, seed: u32) -> Self {
        let stage = Stage::new().await;
        let mut orders = stage.order_service().start().await;
        orders.declared_all().await;
        assert_eq!(orders.stop().await, Some(0));
        let database = stage.database().await;
        past::write(&database, count, seed).await;
        Self { stage, database }
    }

    pub fn command(&self, words: &[&str]) -> Launch {
        let launch = Launch::new("restaurant-ctl", self.stage.environment());
        words.iter().fold(launch, |launch, word| launch.arg(*word))
    }

    pub fn prune(&self, words: &[&str]) -> Launch {
        self.command(&[&["prune", "--older-than=90d"], words].concat())
    }

    /// Prunes, and returns the report.
    pub async fn pruned(&self, words: &[&str]) -> Value {
        let ended = self.prune(&[&["--json"], words].concat()).run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"))
    }

    /// The number of rows, for example of `orders where status = 'ready'`.
    pub async fn count(&self, of: &str) -> u64 {
        self.database.value(&format!("select count(*) from {of}")).await.as_u64().unwrap()
    }

    /// The number of rows of every table that `prune` may touch.
    pub async fn rows_of_all(&self) -> Vec<u64> {
        let mut counts = Vec::new();
        for table in TABLES {
            counts.push(self.count(table).await);
        }
        counts
    }

    /// The names and outcomes of all checks of an audit that are not ok.
    pub async fn findings(&self) -> Vec<String> {
        let ended: Ended = self.command(&["audit", "--json"]).run_to_end().await;
        let document: Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
        let checks = document["checks"].as_array().unwrap();
        let found = checks.iter().filter(|check| check["outcome"] != "ok");
        found.map(|check| format!("{}: {}", check["check"], check["examples"])).collect()
    }

    pub async fn audit_is_well(&self) {
        assert_eq!(self.findings().await, Vec::<String>::new());
    }

    /// Every number that was given out is pruned or there, and none is both.
    pub async fn numbers_are_whole(&self) {
        let broken = "
            order_counters as counter where (
                select array_agg(number order by number) from (
                    select substr(number, 14)::int as number from orders
                    where substr(number, 5, 8) = to_char(counter.day, 'YYYYMMDD')
                    union all
                    select generate_series(lower(part), upper(part) - 1)
                    from pruned_orders, unnest(numbers) as part
                    where day = to_char(counter.day, 'YYYYMMDD')
                ) as known
            ) is distinct from (select array_agg(number) from generate_series(1, last_number) as number)";
        assert_eq!(self.count(broken).await, 0);
    }

    /// Drops roles of this database.
    pub async fn drop_roles(&self, ends: &[&str]) {
        for end in ends {
            let role = format!("{}_{end}", self.stage.name);
            self.database.execute(&format!("drop owned by {role}; drop role {role}")).await;
        }
    }

    /// Whether a text stands anywhere in any table.
    pub async fn stands_in(&self, text: &str) -> Vec<String> {
        let tables = self.database.rows("select tablename from pg_tables where schemaname = 'public'").await;
        let mut found = Vec::new();
        for table in tables {
            let table = table["tablename"].as_str().unwrap();
            let rows = format!("{table} as whole where whole::text like '%{text}%'");
            if self.count(&rows).await > 0 {
                found.push(table.to_owned());
            }
        }
        found
    }
}

/// Tables with rows of an order, and those of workers.
pub const TABLES: [&str; 12] = [
    "orders",
    "order_items",
    "order_status_log",
    "order_identities",
    "order_adjustments",
    "order_requests",
    "inventory_movements",
    "idempotency_keys",
    "rescue_attempts",
    "workers",
    "worker_sessions",
    "order_counters",
];
