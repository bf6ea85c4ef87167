//! Concurrent requests share a statement, and each gets its own answer.

use testkit::database::Database;
use testkit::http::{self, Answer};
use testkit::{Service, Stage};
use tokio::task::JoinSet;

use crate::records::{NUMBER, open, store};

fn number(place: usize) -> String {
    format!("ORD_20241216_{place:03}")
}

/// Blocks all reads of a table until it is released.
struct Barrier(Database);

impl Barrier {
    async fn before(stage: &Stage, table: &str) -> Self {
        let database = stage.database().await;
        database.execute(&format!("begin; lock table {table} in access exclusive mode")).await;
        Self(database)
    }

    async fn lift(&self) {
        self.0.execute("rollback").await;
    }
}

/// Asks for these orders of the day. Returns once every request has arrived.
async fn ask(service: &Service, places: impl Iterator<Item = usize>) -> JoinSet<(usize, Answer)> {
    let mut questions = JoinSet::new();
    for place in places {
        let port = service.port();
        questions.spawn(async move {
            let path = format!("/orders/{}/status", number(place));
            (place, http::send(port, "GET", &path, &[], b"").await)
        });
    }
    service.logs("request_received", questions.len()).await;
    questions
}

#[tokio::test]
async fn many_requests_share_few_statements_and_each_gets_its_own_answer() {
    const ASKED: usize = 100;
    let (stage, database, service) = open().await;
    for place in (2..=ASKED).step_by(2) {
        store(&database, &number(place), "ready", &format!("'chef_{place}'")).await;
    }
    // From now on every statement that reads orders increments a sequence, once.
    database
        .execute(
            "create sequence statements;
             alter table orders rename to stored;
             create view orders as select * from stored where (select nextval('statements')) > 0",
        )
        .await;
    let barrier = Barrier::before(&stage, "stored").await;
    let questions = ask(&service, 1..=ASKED).await;
    barrier.lift().await;
    for (place, answer) in questions.join_all().await {
        if place % 2 == 0 {
            assert_eq!(answer.status, 200, "{answer:?}");
            let status = answer.json();
            assert_eq!(
                (status["order_number"].as_str().unwrap(), status["processed_by"].as_str().unwrap()),
                (number(place).as_str(), format!("chef_{place}").as_str())
            );
        } else {
            assert_eq!(answer.status, 404, "{answer:?}");
            assert_eq!(answer.json()["detail"], format!("There is no order {}.", number(place)));
        }
    }
    // Two statements were running when the others arrived, and a few more served requests on their
    // way to the queue.
    let counted = "select case when is_called then last_value else 0 end from statements";
    let statements = database.value(counted).await.as_u64().unwrap();
    assert!((1..=10).contains(&statements), "{statements} statements");
}

#[tokio::test]
async fn an_unreadable_order_fails_no_other_request() {
    let (stage, database, service) = open().await;
    for place in 1..=20 {
        store(&database, &number(place), "ready", "'chef_mario'").await;
    }
    let beyond = format!("update orders set updated_at = 'infinity' where number = '{}'", number(7));
    database.execute(&beyond).await;
    let barrier = Barrier::before(&stage, "orders").await;
    let questions = ask(&service, 1..=21).await;
    barrier.lift().await;
    for (place, answer) in questions.join_all().await {
        let expected = match place {
            7 => 500,
            21 => 404,
            _ => 200,
        };
        assert_eq!(answer.status, expected, "{place}: {answer:?}");
    }
}

#[tokio::test]
async fn an_outage_is_a_500_for_every_request_and_later_a_200() {
    const ASKED: usize = 30;
    let stage = Stage::new().await;
    stage.migrate().await;
    let database = stage.database().await;
    for place in 1..=ASKED {
        store(&database, &number(place), "ready", "'chef_mario'").await;
    }
    let proxy = stage.postgres_proxy().await;
    let launch = stage.tracking_service().env("DB_PORT", proxy.port().to_string());
    let service = launch.ready_when_probed().start().await;
    let barrier = Barrier::before(&stage, "orders").await;
    let questions = ask(&service, 1..=ASKED).await;
    proxy.cut();
    for (place, answer) in questions.join_all().await {
        assert_eq!(answer.status, 500, "{place}: {answer:?}");
    }
    barrier.lift().await;
    proxy.mend();
    for place in 1..=ASKED {
        assert_eq!(service.get(&format!("/orders/{}/status", number(place))).await.status, 200);
    }
}

#[tokio::test]
async fn answers_are_never_stale() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    let path = format!("/orders/{NUMBER}/status");
    let crowd: JoinSet<()> = (0..8)
        .map(|_| {
            let (port, path) = (service.port(), path.clone());
            async move {
                loop {
                    http::send(port, "GET", &path, &[], b"").await;
                }
            }
        })
        .collect();
    for step in 0..60 {
        let status = ["cooking", "ready"][step % 2];
        database.execute(&format!("update orders set status = '{status}' where number = '{NUMBER}'")).await;
        assert_eq!(service.get(&path).await.json()["current_status"], status, "step {step}");
    }
    drop(crowd);
}
