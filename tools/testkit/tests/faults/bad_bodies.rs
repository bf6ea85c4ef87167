//! Generated invalid bodies: each is refused as a client error, and nothing of it is stored.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use testkit::orders::{delivery, dine_in, takeout, with};
use testkit::{Stage, http};
use tokio::task::JoinSet;

use crate::scale::either;
use crate::verdict::report;

const CLIENTS: usize = 8;

fn order() -> impl Strategy<Value = Value> {
    prop_oneof![Just(takeout()), Just(dine_in()), Just(delivery())]
}

/// Any JSON, a few levels deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,12}", inner, 0..6).prop_map(|fields| json!(fields)),
        ]
    })
}

/// An invalid value for a field of an order, with the field's JSON pointer.
fn spoilt_field() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        "[a-z]{101,300}".prop_map(|name| ("/customer_name", json!(name))),
        "[A-Za-z]{1,20}[<>;{}@_$]".prop_map(|name| ("/customer_name", json!(name))),
        "[ ]{0,20}".prop_map(|name| ("/customer_name", json!(name))),
        "[a-z]{1,6}[0-9]".prop_map(|kind| ("/order_type", json!(kind))),
        any::<i64>().prop_map(|number| ("/customer_name", json!(number))),
        any::<i64>().prop_map(|number| ("/order_type", json!(number))),
        any::<i64>().prop_map(|number| ("/items", json!(number))),
        Just(("/items", json!([]))),
        (21_usize..60).prop_map(|count| {
            ("/items", json!(vec![json!({"name": "Soup", "quantity": 1, "price": 2.5}); count]))
        }),
        (11_i64..).prop_map(|count| ("/items/0/quantity", json!(count))),
        (i64::MIN..1).prop_map(|count| ("/items/0/quantity", json!(count))),
        "[0-9]{1,3}".prop_map(|count| ("/items/0/quantity", json!(count))),
        (0_u32..100).prop_map(|count| ("/items/0/quantity", json!(f64::from(count) + 0.5))),
        (-1.0e9..=0.0_f64).prop_map(|price| ("/items/0/price", json!(price))),
        (1_000.0..1.0e12_f64).prop_map(|price| ("/items/0/price", json!(price))),
        (1_u32..900).prop_map(|mills| ("/items/0/price", json!(f64::from(mills) + 0.125))),
        "[0-9]{1,3}\\.[0-9]{2}".prop_map(|price| ("/items/0/price", json!(price))),
        "[a-z]{51,200}".prop_map(|name| ("/items/0/name", json!(name))),
        "[\u{0}-\u{1f}]{1,5}".prop_map(|name| ("/items/0/name", json!(name))),
        any::<bool>().prop_map(|name| ("/items/0/name", json!(name))),
        Just(("/items/0", Value::Null)),
    ]
}

/// Bytes that are never a valid order, by construction.
fn malformed() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => anything().prop_map(|value| value.to_string().into_bytes()),
        // Without its end.
        2 => (order(), any::<prop::sample::Index>()).prop_map(|(order, place)| {
            let text = order.to_string().into_bytes();
            text[..place.index(text.len())].to_vec()
        }),
        // With a byte that is not UTF-8.
        1 => (order(), any::<prop::sample::Index>(), 0x80_u8..=0xff).prop_map(|(order, place, byte)| {
            let mut text = order.to_string().into_bytes();
            let place = place.index(text.len());
            text[place] = byte;
            text
        }),
        // With further characters behind it.
        1 => (order(), "[\\[\\]{},:a-z0-9]{1,9}").prop_map(|(order, more)| format!("{order}{more}").into_bytes()),
        1 => (order(), prop::sample::select(vec!["customer_name", "order_type", "items"])).prop_map(|(mut order, field)| {
            order.as_object_mut().unwrap().remove(field);
            order.to_string().into_bytes()
        }),
        4 => (order(), spoilt_field())
            .prop_map(|(order, (pointer, value))| with(order, pointer, value).to_string().into_bytes()),
        1 => (1_usize..20_000).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ]
}

#[tokio::test]
async fn malformed_bodies_get_4xx_and_leave_nothing() {
    let stage = Stage::new().await;
    let mut service = stage.order_service().start().await;
    let port = service.port();
    let seed: [u8; 32] = rand::random();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = malformed();
    let count = either(2_000, 10_000);
    let bodies: Vec<Vec<u8>> =
        (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let bodies = Arc::new(Mutex::new(bodies));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let bodies = Arc::clone(&bodies);
        clients.spawn(async move {
            let mut refused = 0_usize;
            loop {
                let Some(body) = bodies.lock().unwrap().pop() else { return refused };
                let answer =
                    http::send(port, "POST", "/orders", &[("Content-Type", "application/json")], &body).await;
                assert!(
                    (400..500).contains(&answer.status),
                    "seed {seed:?}: {} was answered {answer:?}",
                    String::from_utf8_lossy(&body)
                );
                assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
                refused += 1;
            }
        });
    }
    let refused: usize = clients.join_all().await.into_iter().sum();
    assert_eq!(refused, count);
    let database = stage.database().await;
    assert_eq!(database.value("select count(*) from orders").await, 0);
    assert_eq!(database.value("select count(*) from order_counters").await, 0);
    assert!(service.logged("panic").is_empty());
    service.place(&takeout()).await;
    assert_eq!(service.stop().await, Some(0));
    report(&format!("| {count} malformed bodies: all 4xx, none stored | {count} | 0 | 0 | 0 | 0 ms |"));
}
