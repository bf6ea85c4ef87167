//! An order service, a manual worker, and what a display sees and does.

use serde_json::{Value, json};
use testkit::database::Database;
use testkit::http::{Answer, send};
use testkit::{EventStream, Launch, Service, Stage, eventually};

pub const KEY: &str = "the-staff-knows-this-key";
pub const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");
const JSON: (&str, &str) = ("Content-Type", "application/json");

pub struct Scene {
    pub stage: Stage,
    pub database: Database,
    pub orders: Service,
    pub worker: Service,
}

impl Scene {
    pub async fn open() -> Self {
        Self::with(|launch| launch).await
    }

    /// With this change of the worker's command line.
    pub async fn with(change: impl FnOnce(Launch) -> Launch) -> Self {
        let stage = Stage::new().await;
        let database = stage.database().await;
        let orders = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
        let worker = change(manual(&stage, "chef_anna")).start().await;
        Self { stage, database, orders, worker }
    }

    /// Places an order, and waits for its ticket.
    pub async fn ticketed(&self, order: &Value) -> String {
        let number = self.orders.place(order).await;
        self.until(&number, "received").await;
        number
    }

    pub async fn bump(&self, number: &str, step: &str, seen: &str) -> Answer {
        bump(&self.worker, number, step, seen).await
    }

    /// Makes a step that must succeed. Returns the ticket.
    pub async fn bumped(&self, number: &str, step: &str, seen: &str) -> Value {
        let answer = self.bump(number, step, seen).await;
        assert_eq!(answer.status, 200, "{step} {number}: {answer:?}");
        answer.json()
    }

    pub async fn board(&self) -> Value {
        board(&self.worker).await
    }

    /// Waits until the ticket of this order shows this status. Returns it.
    pub async fn until(&self, number: &str, status: &str) -> Value {
        until(&self.worker, number, status).await
    }

    pub async fn stream(&self) -> EventStream {
        EventStream::open(self.worker.port(), "/events", &[STAFF]).await
    }

    /// The staff cancels or completes an order.
    pub async fn change(&self, number: &str, change: &str) {
        let path = format!("/orders/{number}/{change}");
        let answer = send(self.orders.port(), "POST", &path, &[STAFF], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub async fn status(&self, number: &str) -> Value {
        self.database.value(&format!("select status from orders where number = '{number}'")).await
    }

    /// The status log of an order: status, who, and note.
    pub async fn log(&self, number: &str) -> Vec<String> {
        let sql = format!(
            "select log.status || ' ' || log.changed_by || coalesce(' ' || log.notes, '') as step
             from order_status_log as log join orders on orders.id = order_id
             where number = '{number}' order by log.id"
        );
        let rows = self.database.rows(&sql).await;
        rows.iter().map(|row| row["step"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn processed(&self) -> Value {
        self.database.value("select orders_processed from workers where name = 'chef_anna'").await
    }

    /// Whether the data of the system agree.
    pub async fn assert_well(&self) {
        let ended = Launch::new("restaurant-ctl", self.stage.environment()).arg("audit").run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// A manual worker on a free port.
pub fn manual(stage: &Stage, name: &str) -> Launch {
    stage
        .kitchen_worker(name)
        .arg("--manual")
        .arg("--port=0")
        .cooking_seconds(600.0)
        .env("ORDER_STAFF_KEY", KEY)
        .ready_when_probed()
}

pub async fn bump(worker: &Service, number: &str, step: &str, seen: &str) -> Answer {
    let body = json!({ "status": seen }).to_string();
    let path = format!("/tickets/{number}/{step}");
    send(worker.port(), "POST", &path, &[STAFF, JSON], body.as_bytes()).await
}

pub async fn board(worker: &Service) -> Value {
    let answer = send(worker.port(), "GET", "/tickets", &[STAFF], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub async fn until(worker: &Service, number: &str, status: &str) -> Value {
    eventually(&format!("the ticket of {number} to be {status}"), async || {
        ticket(&board(worker).await, number).filter(|ticket| ticket["status"] == status)
    })
    .await
}

/// The ticket of an order on a board.
pub fn ticket(board: &Value, number: &str) -> Option<Value> {
    let lists = [&board["tickets"], &board["done"]];
    let mut tickets = lists.into_iter().flat_map(|list| list.as_array().unwrap());
    tickets.find(|ticket| ticket["order_number"] == number).cloned()
}

/// The numbers of a list of tickets.
pub fn numbers(list: &Value) -> Vec<String> {
    let tickets = list.as_array().unwrap().iter();
    tickets.map(|ticket| ticket["order_number"].as_str().unwrap().to_owned()).collect()
}
