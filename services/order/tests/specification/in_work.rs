//! Orders that stay in work for as long as a test wants.

use testkit::database::Database;
use testkit::http::{Answer, send};
use testkit::orders::takeout;
use testkit::{Service, Stage, eventually};
use tokio::task::JoinHandle;

/// A client that places an order and waits for the answer, while the test does something else.
pub fn placing(service: &Service) -> JoinHandle<Answer> {
    let port = service.port();
    let body = takeout().to_string();
    let json = [("Content-Type", "application/json")];
    tokio::spawn(async move { send(port, "POST", "/orders", &json, body.as_bytes()).await })
}

/// Holds what every order needs for its number: an order that is placed now waits
/// inside its transaction.
pub struct HeldCounter(Database);

impl HeldCounter {
    /// From now on.
    pub async fn of(stage: &Stage) -> Self {
        let database = stage.database().await;
        database.execute("begin; lock table order_counters in exclusive mode").await;
        Self(database)
    }

    /// Waits until a transaction waits.
    pub async fn is_awaited(&self) {
        eventually("an order that waits for its number", async || {
            let waiting = "select exists (select 1 from pg_locks
                where relation = 'order_counters'::regclass and not granted)";
            (self.0.value(waiting).await == true).then_some(())
        })
        .await;
    }

    /// Lets them go on.
    pub async fn release(self) {
        self.0.execute("commit").await;
    }
}
