//! A database with tables, and the services' functions on it.

use std::time::Duration;

use db::claims::{self, ClaimOutcome, ClaimRequest, Claimant, LockMode};
use db::orders::{self, Placement};
use db::{Access, Database, DbError, schema, workers};
use domain::{
    NewOrder, OrderIdentity, OrderMessage, OrderNumber, OrderPointer, RequestId, Specialisation, place_order,
};
use testkit::Stage;

/// What a relay selects from the outbox.
pub const LOOK: db::outbox::Look = db::outbox::Look { limit: 10, pause: |_| Duration::from_secs(1) };

pub fn open(settings: &config::Database) -> Database {
    Database::new(settings, "test", Access::ReadWrite).unwrap()
}

/// Applies the migrations.
pub async fn migrated(stage: &Stage) -> Database {
    let db = open(&stage.database_settings());
    schema::migrate(&db).await.unwrap();
    db
}

pub fn request_id() -> RequestId {
    RequestId::parse("a-request").unwrap()
}

fn order() -> NewOrder {
    place_order::parse(testkit::orders::takeout().to_string().as_bytes()).unwrap()
}

/// Places an order.
pub async fn place(db: &Database) -> Result<OrderNumber, DbError> {
    let (order, request_id) = (order(), request_id());
    let identity = OrderIdentity::new(1_764_403_200_000, rand::random());
    let placement = Placement {
        identity,
        order: &order,
        request_id: &request_id,
        idempotency: None,
        from_menu: None,
        request: None,
    };
    let outcome = orders::place(db, &[placement]).await?.remove(0);
    Ok(outcome.placed().unwrap().number)
}

pub fn cook() -> Claimant {
    Claimant { worker: "chef_anna".parse().unwrap(), token: 7 }
}

pub async fn register(db: &Database) {
    workers::register(db, &cook(), &Specialisation::General, Duration::from_secs(30), false).await.unwrap();
}

/// Claims an order.
pub async fn claim(db: &Database, number: OrderNumber, locked: LockMode) -> Result<ClaimOutcome, DbError> {
    // The message names no identity, so the rows decide.
    let order = OrderPointer::of(&OrderMessage::of(number, &order()), None);
    let request = ClaimRequest { order, cooking: Duration::from_secs(1), request_id: request_id() };
    let outcomes = claims::claim(db, &cook(), Duration::from_mins(1), &[request], locked).await?;
    Ok(outcomes.into_iter().next().unwrap().unwrap())
}
