//! A database with the tables, helpers that act as an order service and its workers, and queries.

use std::time::Duration;

use db::claims::{
    self, Claim, ClaimOutcome, ClaimRequest, Claimant, FinishOutcome, FinishRequest, LockMode, RecallOutcome,
    RecallRequest,
};
use db::orders::{self, PlaceOutcome, PlacedOrder, Placement};
use db::transitions::{self, ChangeOutcome};
use db::workers::{self, Registration};
use db::{Access, Database, DbError, schema};
use domain::{
    IdempotentRequest, NewOrder, OrderIdentity, OrderMessage, OrderNumber, OrderPointer, OrderStatus,
    RequestId, Specialisation, place_order,
};
use serde_json::Value;
use testkit::{Stage, database, eventually};

/// How long a claim lasts without a heartbeat.
pub const LEASE: Duration = Duration::from_mins(1);
/// How long an order cooks.
pub const COOKING: Duration = Duration::from_secs(10);
/// The heartbeat interval.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// A database of one test.
pub struct Scene {
    /// The handle that services use.
    pub db: Database,
    /// The test's own connection.
    database: database::Database,
    pub stage: Stage,
}

impl Scene {
    pub async fn new() -> Self {
        Self::on(Stage::new().await).await
    }

    /// At noon of the database's clock, so that the numbers do not restart during the test.
    pub async fn at_noon() -> Self {
        Self::on(Stage::new().await.at_noon().await).await
    }

    async fn on(stage: Stage) -> Self {
        let db = open(&stage);
        schema::migrate(&db).await.unwrap();
        let database = stage.database().await;
        Self { db, database, stage }
    }

    /// A handle whose statements all share one connection, and with it their plans.
    pub fn single_connection(&self) -> Database {
        let settings = config::Database { max_connections: 2, ..self.stage.database_settings() };
        Database::new(&settings, "single", Access::ReadOnly).unwrap()
    }

    /// Runs statements without a result.
    pub async fn execute(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    /// The rows of a query.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        self.database.rows(sql).await
    }

    /// The single value of a query.
    pub async fn value(&self, sql: &str) -> Value {
        self.database.value(sql).await
    }

    /// The number of rows, for example of `orders where status = 'ready'`.
    pub async fn count(&self, of: &str) -> u64 {
        self.value(&format!("select count(*) from {of}")).await.as_u64().unwrap()
    }

    /// Another session, with an open transaction that has run this.
    pub async fn holding(&self, sql: &str) -> database::Database {
        let holder = self.stage.database().await;
        holder.execute(&format!("begin; {sql}")).await;
        holder
    }

    /// Waits until this many statements wait for a lock.
    pub async fn until_waiting(&self, statements: u64) {
        let waiting = "pg_stat_activity where datname = current_database()
            and application_name = 'test' and wait_event_type = 'Lock'";
        let all = async || (self.count(waiting).await == statements).then_some(());
        eventually("statements that wait for a lock", all).await;
    }

    /// Places a takeout order.
    pub async fn place(&self) -> PlacedOrder {
        self.place_all(&[takeout()]).await[0]
    }

    /// Places this many takeout orders in one call.
    pub async fn place_many(&self, count: usize) -> Vec<PlacedOrder> {
        self.place_all(&vec![takeout(); count]).await
    }

    /// Places orders in one call.
    pub async fn place_all(&self, new: &[NewOrder]) -> Vec<PlacedOrder> {
        place(&self.db, new).await.unwrap()
    }

    /// The row id of an order.
    pub async fn row_of(&self, order: &PlacedOrder) -> i32 {
        let id = self.value(&format!("select id from orders where number = '{}'", order.number)).await;
        id.as_i64().unwrap().try_into().unwrap()
    }

    /// The status of an order, such as `"ready"`.
    pub async fn status(&self, order: &PlacedOrder) -> Value {
        self.value(&format!("select status from orders where number = '{}'", order.number)).await
    }

    /// All statuses of an order, such as `["received", "cooking"]`.
    pub async fn life(&self, order: &PlacedOrder) -> Value {
        self.value(&format!(
            "select array_agg(log.status order by log.id) as life
             from order_status_log as log join orders on orders.id = order_id where number = '{}'",
            order.number
        ))
        .await
    }

    /// Registers a worker.
    pub async fn register(&self, cook: &Claimant) -> Registration {
        workers::register(&self.db, cook, &Specialisation::General, HEARTBEAT, false).await.unwrap()
    }

    /// Claims an order, and waits if it is locked.
    pub async fn claim(&self, cook: &Claimant, order: &PlacedOrder) -> ClaimOutcome {
        self.claim_as(cook, wish(order)).await
    }

    /// Claims an order with this request.
    pub async fn claim_as(&self, cook: &Claimant, wish: ClaimRequest) -> ClaimOutcome {
        self.claim_all(cook, &[wish], LockMode::Wait).await.remove(0).unwrap()
    }

    /// Claims several orders at once.
    pub async fn claim_all(
        &self,
        cook: &Claimant,
        wishes: &[ClaimRequest],
        locked: LockMode,
    ) -> Vec<Option<ClaimOutcome>> {
        claims::claim(&self.db, cook, LEASE, wishes, locked).await.unwrap()
    }

    /// Claims an order; the claim is granted.
    pub async fn granted(&self, cook: &Claimant, order: &PlacedOrder) -> Claim {
        granted(self.claim(cook, order).await)
    }

    /// Lets all leases expire this long ago, such as `1 second`.
    pub async fn leases_ended(&self, ago: &str) {
        self.execute(&format!("update order_claims set lease_until = now() - interval '{ago}'")).await;
    }

    /// Finishes an order.
    pub async fn finish(&self, cook: &Claimant, order: &PlacedOrder, claim: &Claim) -> FinishOutcome {
        let request = finished(order, claim);
        claims::finish(&self.db, cook, &[request], LockMode::Wait).await.unwrap().remove(0).unwrap()
    }

    /// Recalls an order.
    pub async fn recall(&self, cook: &Claimant, order: &PlacedOrder) -> RecallOutcome {
        claims::recall(&self.db, cook, LEASE, &recalled(order)).await.unwrap()
    }

    /// Cancels an order from any status.
    pub async fn cancel(&self, order: &PlacedOrder) -> ChangeOutcome {
        let from = &[OrderStatus::Received, OrderStatus::Cooking, OrderStatus::Ready];
        let request = request_id("a-cancellation");
        let next = OrderStatus::Cancelled;
        transitions::change(&self.db, &order.number, None, from, next, "guest", &request).await.unwrap()
    }
}

/// A service's handle.
pub fn open(stage: &Stage) -> Database {
    Database::new(&stage.database_settings(), "test", Access::ReadWrite).unwrap()
}

/// Places orders in one call, without idempotency keys.
pub async fn place(db: &Database, new: &[NewOrder]) -> Result<Vec<PlacedOrder>, DbError> {
    let request_id = request_id("a-request");
    let placement = |order| Placement {
        identity: identity(),
        order,
        request_id: &request_id,
        idempotency: None,
        from_menu: None,
        request: None,
    };
    placed(orders::place(db, &new.iter().map(placement).collect::<Vec<_>>()).await)
}

/// The stored orders of a call in which none was short.
pub fn placed(outcome: Result<Vec<PlaceOutcome>, DbError>) -> Result<Vec<PlacedOrder>, DbError> {
    Ok(outcome?.into_iter().map(|outcome| outcome.placed().unwrap()).collect())
}

/// Places a takeout order under a key.
pub async fn place_under(db: &Database, request: &IdempotentRequest) -> Result<PlacedOrder, DbError> {
    let (order, request_id) = (takeout(), request_id("a-request"));
    let placement = Placement {
        identity: identity(),
        order: &order,
        request_id: &request_id,
        idempotency: Some(request),
        from_menu: None,
        request: None,
    };
    Ok(placed(orders::place(db, &[placement]).await)?[0])
}

/// A new identity.
pub fn identity() -> OrderIdentity {
    OrderIdentity::new(1_764_403_200_000, rand::random())
}

pub fn request_id(text: &str) -> RequestId {
    RequestId::parse(text).unwrap()
}

/// A valid order.
pub fn order(json: &Value) -> NewOrder {
    place_order::parse(json.to_string().as_bytes()).unwrap()
}

/// A takeout order.
pub fn takeout() -> NewOrder {
    order(&testkit::orders::takeout())
}

/// The message of a takeout order.
pub fn message(number: OrderNumber) -> OrderMessage {
    OrderMessage::of(number, &takeout())
}

/// A request to claim a takeout order, as its message describes it.
pub fn wish(order: &PlacedOrder) -> ClaimRequest {
    let order = OrderPointer::of(&message(order.number), Some(order.identity));
    ClaimRequest { order, cooking: COOKING, request_id: request_id("a-request") }
}

/// The report that an order is cooked.
pub fn finished(order: &PlacedOrder, claim: &Claim) -> FinishRequest {
    FinishRequest {
        number: order.number,
        order_id: claim.order_id,
        attempt: claim.attempt,
        request_id: request_id("a-request"),
    }
}

/// A request to recall an order.
pub fn recalled(order: &PlacedOrder) -> RecallRequest {
    RecallRequest { number: order.number, cooking: COOKING, request_id: request_id("a-recall") }
}

/// The granted claim.
pub fn granted(outcome: ClaimOutcome) -> Claim {
    let ClaimOutcome::Granted(claim) = outcome else { panic!("{outcome:?}") };
    claim
}

/// A worker's process.
pub fn process(name: &str, token: i64) -> Claimant {
    Claimant { worker: name.parse().unwrap(), token }
}

pub fn anna() -> Claimant {
    process("chef_anna", 7)
}

pub fn mario() -> Claimant {
    process("chef_mario", 8)
}
