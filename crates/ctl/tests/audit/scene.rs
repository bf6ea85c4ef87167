//! A system to audit.

use serde_json::Value;
use testkit::database::Database;
use testkit::orders::{delivery, dine_in, takeout};
use testkit::{Launch, Service, Stage, eventually};

/// The output of an audit.
pub struct Said {
    pub code: Option<i32>,
    pub document: Value,
    pub complaint: String,
}

/// Runs an audit with these arguments.
pub async fn audit(stage: &Stage, arguments: &[&str]) -> Said {
    audit_with(stage, &[], arguments).await
}

/// Runs an audit with these variables and arguments.
pub async fn audit_with(stage: &Stage, variables: &[(&'static str, &str)], arguments: &[&str]) -> Said {
    let mut launch = Launch::new("restaurant-ctl", stage.environment()).arg("audit").arg("--json");
    for (name, value) in variables {
        launch = launch.env(name, *value);
    }
    for argument in arguments {
        launch = launch.arg(*argument);
    }
    let ended = launch.run_to_end().await;
    let document = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
    Said { code: ended.code, document, complaint: ended.stderr }
}

impl Said {
    /// A check by name.
    pub fn check(&self, name: &str) -> Value {
        let checks = self.document["checks"].as_array().unwrap_or_else(|| panic!("{}", self.complaint));
        let check = checks.iter().find(|check| check["check"] == name);
        check.unwrap_or_else(|| panic!("no check {name}: {checks:?}")).clone()
    }

    /// The names and outcomes of all checks that are not ok.
    pub fn findings(&self) -> Vec<String> {
        let checks = self.document["checks"].as_array().unwrap_or_else(|| panic!("{}", self.complaint));
        let found = checks.iter().filter(|check| check["outcome"] != "ok");
        found
            .map(|check| {
                format!("{} {}", check["check"].as_str().unwrap(), check["outcome"].as_str().unwrap())
            })
            .collect()
    }

    pub fn assert_well(&self) {
        assert_eq!(self.findings(), Vec::<String>::new(), "{}", self.document);
        assert_eq!((self.code, &self.document["well"]), (Some(0), &Value::Bool(true)), "{}", self.complaint);
    }
}

/// A stage with one order of each type, all ready. No service runs any more.
pub struct Served {
    pub stage: Stage,
    pub database: Database,
    pub numbers: Vec<String>,
}

impl Served {
    pub async fn new() -> Self {
        let stage = Stage::new().await;
        let mut orders = stage.order_service().start().await;
        orders.declared_all().await;
        let database = stage.database().await;
        let mut numbers = Vec::new();
        for order in [takeout(), dine_in(), delivery()] {
            numbers.push(orders.place(&order).await);
        }
        let mut worker = stage.kitchen_worker("chef_mario").start().await;
        until_at_rest(&database).await;
        assert_eq!(orders.stop().await, Some(0));
        assert_eq!(worker.stop().await, Some(0));
        Self { stage, database, numbers }
    }

    /// Breaks one rule by SQL, and asserts that exactly this rule is reported, with this count and
    /// example. `$N` stands for the first order's row, and `$DAY` for the day of its number.
    pub async fn breaks(&self, sql: &str, check: &str, count: u64, example: &str) {
        audit(&self.stage, &[]).await.assert_well();
        let first = format!("(select min(id) from orders where number = '{}')", self.numbers[0]);
        self.database.execute(&sql.replace("$N", &first)).await;
        let said = audit(&self.stage, &[]).await;
        assert_eq!(said.findings(), [format!("{check} fail")], "{}", said.document);
        assert_eq!((said.code, &said.document["well"]), (Some(1), &Value::Bool(false)));
        let found = said.check(check);
        assert_eq!(found["count"], count, "{found}");
        let example = example.replace("$N", &self.numbers[0]).replace("$DAY", &self.numbers[0][4..12]);
        let examples = found["examples"].as_array().unwrap();
        assert!(examples.iter().any(|text| text == &Value::from(example.clone())), "no '{example}': {found}");
        assert!(!found["to_do"].as_str().unwrap().is_empty(), "{found}");
    }
}

/// Waits until every order is ready and the outbox is empty.
pub async fn until_at_rest(database: &Database) {
    eventually("orders and outbox at rest", async || {
        let sql = "select (select count(*) from orders where status in ('received', 'cooking'))
            + (select count(*) from order_outbox) + (select count(*) from status_outbox)";
        (database.value(sql).await == 0).then_some(())
    })
    .await;
}

/// An order that a worker cooks for longer than any test runs.
pub async fn cooking(stage: &Stage) -> (String, Service) {
    let mut orders = stage.order_service().start().await;
    orders.declared_all().await;
    let number = orders.place(&takeout()).await;
    let worker = stage.kitchen_worker("chef_anna").cooking_seconds(3_600.0).start().await;
    worker.log("order_processing_started").await;
    let database = stage.database().await;
    eventually("an empty outbox", async || {
        let sql = "select (select count(*) from order_outbox) + (select count(*) from status_outbox)";
        (database.value(sql).await == 0).then_some(())
    })
    .await;
    assert_eq!(orders.stop().await, Some(0));
    (number, worker)
}
