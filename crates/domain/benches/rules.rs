//! Micro-benchmarks of the pure rules that every order passes through.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use domain::{OrderMessage, OrderNumber, place_order};
use time::macros::date;

const SMALL: &str = r#"{"customer_name":"Ada Lovelace","order_type":"takeout","items":[{"name":"Margherita Pizza","quantity":2,"price":15.99},{"name":"Caesar Salad","quantity":1,"price":8.99}]}"#;

/// The largest valid order: 20 items, in another script than Latin.
fn large() -> String {
    let item = r#"{"name":"Пельмени сибирские, домашние","quantity":10,"price":999.99}"#;
    let items = [item; 20].join(",");
    format!(
        r#"{{"customer_name":"Анна-Мария О’Нил","order_type":"delivery","delivery_address":"12 Harbour Road, 3rd floor","items":[{items}]}}"#
    )
}

/// An order that breaks every rule that one order can break.
const INVALID: &str = r#"{"customer_name":"<script>","order_type":"dine_in","table_number":1000,"items":[{"name":"","quantity":0,"price":0.001},{"quantity":11}]}"#;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    validation(&mut criterion);
    numbers(&mut criterion);
    messages(&mut criterion);
    criterion.final_summary();
}

fn validation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("validation");
    for (name, body) in
        [("two items", SMALL.to_owned()), ("20 items", large()), ("invalid", INVALID.to_owned())]
    {
        group.throughput(Throughput::Bytes(u64::try_from(body.len()).unwrap_or(0)));
        group.bench_function(name, |bencher| {
            bencher.iter(|| place_order::parse(black_box(body.as_bytes())));
        });
    }
    group.finish();
}

fn numbers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("order number");
    let number = OrderNumber::new(date!(2026 - 11 - 21), 123_456);
    let text = number.to_string();
    group.bench_function("written", |bencher| bencher.iter(|| black_box(number).to_string()));
    group.bench_function("read", |bencher| bencher.iter(|| black_box(text.as_str()).parse::<OrderNumber>()));
    group.finish();
}

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("order message");
    let number = OrderNumber::new(date!(2026 - 11 - 21), 123_456);
    for (name, body) in [("two items", SMALL.to_owned()), ("20 items", large())] {
        let Ok(order) = place_order::parse(body.as_bytes()) else {
            eprintln!("the order with {name} is not valid any more: not measured");
            continue;
        };
        let write = || serde_json::to_vec(&OrderMessage::of(black_box(number), black_box(&order)));
        group.bench_function(format!("{name}, written"), |bencher| bencher.iter(write));
        let message = write().unwrap_or_default();
        group.bench_function(format!("{name}, read"), |bencher| {
            bencher.iter(|| OrderMessage::parse(black_box(&message)));
        });
    }
    group.finish();
}
