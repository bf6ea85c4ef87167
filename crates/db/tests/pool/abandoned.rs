//! A caller that goes away before the answer: a client that hung up, or a deadline of its own.

use std::time::Duration;

use config::LEAST_CONNECTIONS;
use db::Database;
use db::claims::LockMode;
use db::transitions;
use domain::{OrderNumber, OrderStatus};
use testkit::{Stage, database, eventually};
use tokio::time::timeout;

use crate::scene::{claim, migrated, open, place, register, request_id};

const WAITING: &str = "select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'test' and wait_event_type = 'Lock'";
/// Far less than the ten seconds of the server's statement limit.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A pool with two shared connections (a third is reserved), and a locked order.
struct Scene {
    stage: Stage,
    db: Database,
    number: OrderNumber,
    observer: database::Database,
    /// Holds the lock.
    _holder: database::Database,
}

async fn scene() -> Scene {
    let stage = Stage::new().await;
    migrated(&stage).await;
    let mut settings = stage.database_settings();
    settings.max_connections = LEAST_CONNECTIONS;
    let db = open(&settings);
    register(&db).await;
    let number = place(&db).await.unwrap();
    let (observer, holder) = (stage.database().await, stage.database().await);
    holder.execute("begin; select from orders for update").await;
    Scene { stage, db, number, observer, _holder: holder }
}

impl Scene {
    /// Starts a statement on each connection that waits for the lock, and drops it.
    async fn asked_and_abandoned<F: Future>(&self, ask: impl Fn() -> F) {
        let hang = eventually("questions that hang", async || {
            (self.observer.value(WAITING).await == 2).then_some(())
        });
        tokio::select! {
            _ = async { tokio::join!(ask(), ask()) } => panic!("nothing hangs"),
            () = hang => {}
        }
    }

    /// The pool serves others, and the server has cancelled the statements.
    async fn is_forgotten(&self) {
        for _ in 0..3 {
            timeout(AT_ONCE, self.db.ping())
                .await
                .expect("an answer that waits for nobody's question")
                .unwrap();
        }
        let ended = eventually("the end of what hung", async || {
            (self.observer.value(WAITING).await == 0).then_some(())
        });
        timeout(AT_ONCE, ended).await.expect("the server to be told");
        let sessions = "select count(*) from pg_stat_activity
            where datname = current_database() and application_name = 'test' and state <> 'idle'";
        assert_eq!(self.observer.value(sessions).await, 0, "{}", self.stage.name);
    }
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_nobodys_wait() {
    let scene = scene().await;
    scene.asked_and_abandoned(|| claim(&scene.db, scene.number, LockMode::Wait)).await;
    scene.is_forgotten().await;
}

#[tokio::test]
async fn so_is_a_transaction() {
    let scene = scene().await;
    let (from, next, id) = (&[OrderStatus::Received], OrderStatus::Cancelled, request_id());
    let ask = || transitions::change(&scene.db, &scene.number, None, from, next, "guest", &id);
    scene.asked_and_abandoned(ask).await;
    scene.is_forgotten().await;
}

#[tokio::test]
async fn connections_that_were_answered_are_used_again() {
    let stage = Stage::new().await;
    let db = migrated(&stage).await;
    let observer = stage.database().await;
    let sessions = "select array_agg(pid order by pid)::text as pids from pg_stat_activity
        where datname = current_database() and application_name = 'test'";
    let before = observer.value(sessions).await;
    // An error is an answer too: of a statement, and of a transaction, which is rolled back.
    observer.execute("alter table orders rename column status to state").await;
    let number = "ORD_20261120_001".parse().unwrap();
    place(&db).await.unwrap_err();
    let (from, next, id) = (&[OrderStatus::Received], OrderStatus::Cancelled, request_id());
    transitions::change(&db, &number, None, from, next, "guest", &id).await.unwrap();
    observer.execute("alter table orders rename column number to name").await;
    transitions::change(&db, &number, None, from, next, "guest", &id).await.unwrap_err();
    assert_eq!(observer.value(sessions).await, before);
}
