//! No running program fails, and nothing is forgotten.

use std::time::Duration;

use db::claims::{self, ClaimOutcome, ClaimRequest, Claimant, LockMode};
use db::{Access, Database, schema, workers};
use domain::{OrderMessage, OrderNumber, OrderPointer, RequestId, Specialisation, place_order};
use testkit::wait::within;
use testkit::{Stage, eventually};

use crate::fixture;
use crate::programs::{Program, place_and_cook, session, sweep};
use crate::version_5::RELAY_ORDERS;

const COOKS: i64 = 3;

fn this_version(stage: &Stage) -> Database {
    let server = &stage.servers.postgres;
    let settings = config::Database {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        user: server.user.clone(),
        password: server.password.clone().into(),
        database: stage.name.clone(),
        ..config::Database::default()
    };
    Database::new(&settings, "test", Access::ReadWrite).unwrap()
}

/// Claims an order by a message of the version before, which has no identity.
async fn claim(db: &Database, number: &str) -> ClaimOutcome {
    let number: OrderNumber = number.parse().unwrap();
    let order = place_order::parse(testkit::orders::takeout().to_string().as_bytes()).unwrap();
    let request = ClaimRequest {
        order: OrderPointer::of(&OrderMessage::of(number, &order), None),
        cooking: Duration::from_secs(1),
        request_id: RequestId::parse("a-request").unwrap(),
    };
    let cook = Claimant { worker: "chef_anna".parse().unwrap(), token: 70 };
    let outcomes = claims::claim(db, &cook, Duration::from_mins(1), &[request], LockMode::Wait).await;
    outcomes.unwrap().remove(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_the_version_before_work_on_during_the_update_and_after_it() {
    let stage = fixture::version_5().await;
    let database = stage.database().await;
    let mut programs = Vec::new();
    for token in 1..=COOKS {
        let client = session(&stage).await;
        programs.push(Program::start(|progress| place_and_cook(client, token, progress)));
    }
    let client = session(&stage).await;
    programs.push(Program::start(|progress| sweep(client, progress)));
    for program in &programs {
        program.two_more_rounds().await;
    }

    // A relay publishes to a slow broker, and keeps its rows locked for as long. Meanwhile the
    // trigger that creates identities cannot be dropped, and orders are stored.
    let mut relay = session(&stage).await;
    let sending = relay.transaction().await.unwrap();
    assert!(!sending.query(RELAY_ORDERS, &[&100_i64]).await.unwrap().is_empty());
    let db = this_version(&stage);
    let updating = tokio::spawn(async move { schema::migrate(&db).await });
    let waits = "select count(*) from pg_locks
                 where mode = 'AccessExclusiveLock' and not granted
                   and database = (select oid from pg_database where datname = current_database())";
    eventually("the update to wait for the relay", async || (database.value(waits).await == 1).then_some(()))
        .await;
    let stored = database.value("select count(*) from orders").await.as_i64().unwrap();
    eventually("it to make room", async || (database.value(waits).await == 0).then_some(())).await;
    for program in &programs {
        program.two_more_rounds().await;
    }
    database.execute("create table stored_before_the_trigger_went as select id from orders").await;
    let stored_by_then = database.value("select count(*) from stored_before_the_trigger_went").await;
    let stored_by_then = stored_by_then.as_i64().unwrap();
    assert!(stored_by_then > stored, "{stored_by_then} orders, of which {stored} were there before");
    sending.commit().await.unwrap();
    let applied = within("the update", updating).await.unwrap().unwrap();
    assert_eq!(applied, (6..=schema::known_version()).collect::<Vec<_>>());
    for program in programs {
        program.two_more_rounds().await;
        program.end().await;
    }

    // An order that waited until the trigger was dropped does not count.
    let without = "select count(*) from stored_before_the_trigger_went
                   where id not in (select order_id from order_identities where order_id is not null)";
    assert_eq!(database.value(without).await, 0);
    let of_none = "select count(*) from order_identities where order_id not in (select id from orders)";
    assert_eq!(database.value(of_none).await, 0);
    let left = "select count(*) from pg_trigger where tgname = 'give_identities'";
    assert_eq!(database.value(left).await, 0, "storing an order costs what it did");
    assert_eq!(database.value("select count(*) from rescue_attempts where times = 3").await, 5);
    let requests = "select count(*) from order_outbox join order_identities using (order_id)
                    where purpose = 'placed' and order_outbox.request_id is distinct from order_identities.request_id";
    assert_eq!(database.value(requests).await, 0);

    // The kitchen of this version claims their orders, and leaves their leases alone.
    let db = this_version(&stage);
    let leases = "select count(*) from order_claims
                  where worker = 'chef_mario' and lease_until > now() + interval '15 minutes'";
    let before = database.value(leases).await;
    assert_ne!(before, 0);
    let cook = Claimant { worker: "chef_anna".parse().unwrap(), token: 70 };
    workers::register(&db, &cook, &Specialisation::General, Duration::from_secs(30), false).await.unwrap();
    let waiting = database.rows("select number from orders where status = 'received'").await;
    assert!(waiting.len() >= 60, "{}", waiting.len());
    for order in waiting {
        let outcome = claim(&db, order["number"].as_str().unwrap()).await;
        assert!(matches!(outcome, ClaimOutcome::Granted(_)), "{order}: {outcome:?}");
    }
    let cooking = database.rows("select number from orders join order_claims on order_id = orders.id where worker = 'chef_mario' limit 1").await;
    assert!(matches!(claim(&db, cooking[0]["number"].as_str().unwrap()).await, ClaimOutcome::Held { .. }));
    claims::correct_leases(&db).await.unwrap();
    assert_eq!(database.value(leases).await, before);
}
