//! Examples of bodies.

use domain::ServiceName;
use http_service::openapi::{Sample, healthy};
use serde_json::{Value, json};

/// All of them.
pub fn all() -> Vec<Sample> {
    [of_guests(), of_staff()].concat()
}

fn of_guests() -> Vec<Sample> {
    let cooking = json!({
        "order_number": "ORD_20261130_001", "current_status": "cooking",
        "updated_at": "2026-11-30T08:04:21.453Z", "estimated_completion": "2026-11-30T08:04:31.453Z",
        "processed_by": "chef_anna",
    });
    let estimate = json!({
        "earliest": "2026-11-30T08:05:10.000Z", "latest": "2026-11-30T08:06:40.000Z", "ahead": 2,
        "order_type": "takeout", "as_of": "2026-11-30T08:04:21.453Z", "basis": "measured",
    });
    let over = json!({
        "earliest": null, "latest": null, "ahead": 0, "order_type": "takeout",
        "as_of": "2026-11-30T08:04:21.453Z", "basis": "configured",
    });
    let board = json!({
        "as_of": "2026-11-30T08:04:21.453Z", "preparing": ["ORD_20261130_002"],
        "ready": ["ORD_20261130_001"],
    });
    let confirmed = json!({
        "order_id": "019ab6ce-5d80-7c3e-8f12-3456789abcde", "status": "CONFIRMED",
        "order_number": "ORD_20261130_007", "total_amount": 16.20, "code": null, "reason": null,
        "errors": null, "items": null, "updated_at": "2026-11-30T08:04:21.453Z",
    });
    let history = json!([
        { "status": "received", "timestamp": "2026-11-30T08:04:11.453Z", "changed_by": "order-service" },
        { "status": "cooking", "timestamp": "2026-11-30T08:04:21.453Z", "changed_by": "chef_anna" },
    ]);
    let workers = json!([{
        "worker_name": "chef_anna", "status": "online", "orders_processed": 17,
        "last_seen": "2026-11-30T08:04:20.000Z",
    }]);
    vec![
        healthy(ServiceName::Tracking, &["database"]),
        Sample::new("StatusChange[]", "cooking", "It is being cooked", history),
        Sample::new("Worker[]", "one", "One worker is there", workers),
        Sample::new("OrderState", "cooking", "It is being cooked", cooking),
        Sample::new("Estimate", "waiting", "Two go before it", estimate),
        Sample::new("Estimate", "over", "It neither waits nor cooks", over),
        Sample::new("ReadyBoard", "board", "One is ready", board),
        Sample::new("RequestOutcome", "confirmed", "It became an order", confirmed),
        Sample::new("WholeOrder", "own", "As its guest sees it", whole_order()),
    ]
}

fn whole_order() -> Value {
    json!({
        "order_number": "ORD_20261130_001", "order_type": "takeout", "status": "received",
        "customer_name": "Jane Doe", "table_number": null, "delivery_address": null,
        "items": [{ "name": "Margherita Pizza", "quantity": 1, "price": 15.99 }],
        "adjustments": [{
            "kind": "discount", "rule": "pizza-day", "label": "Pizza day", "line": 0, "base": 15.99,
            "amount": -1.60,
        }],
        "total_amount": 14.39, "priority": 1, "processed_by": null,
        "created_at": "2026-11-30T08:04:11.453Z", "updated_at": "2026-11-30T08:04:11.453Z",
        "times": { "received": "2026-11-30T08:04:11.453Z" },
        "history": [
            { "status": "received", "timestamp": "2026-11-30T08:04:11.453Z", "changed_by": "order-service" },
        ],
    })
}

fn of_staff() -> Vec<Sample> {
    let mut listed = whole_order();
    if let Value::Object(members) = &mut listed {
        members.shift_remove("history");
        members.shift_remove("adjustments");
    }
    let tickets = json!({
        "as_of": "2026-11-30T08:04:21.453Z",
        "tickets": [{
            "order_number": "ORD_20261130_001", "order_type": "takeout", "status": "received",
            "priority": 1, "customer_name": "Jane Doe", "table_number": null, "processed_by": null,
            "created_at": "2026-11-30T08:04:11.453Z", "updated_at": "2026-11-30T08:04:11.453Z",
            "items": [{ "name": "Margherita Pizza", "quantity": 1 }],
        }],
        "beyond": 0,
        "all_day": [{ "name": "Margherita Pizza", "received": 1, "cooking": 0 }],
        "cooking_times": [
            { "order_type": "takeout", "finished": 12, "median_seconds": 10, "p90_seconds": 11 },
        ],
    });
    let figures = json!({
        "as_of": "2026-11-30T08:04:21.453Z",
        "minutes": [{ "start": "2026-11-30T08:03:00.000Z", "placed": 12, "ready": 11, "cancelled": 1 }],
        "types": [{
            "order_type": "takeout", "waiting": 2, "oldest_waiting": "2026-11-30T08:03:58.100Z",
            "cooking": 3, "cooks": 2,
        }],
        "time_in_status": [
            { "status": "received", "start": null, "orders": 40, "median_seconds": 4, "p90_seconds": 21 },
        ],
        "workers": [{
            "worker_name": "chef_anna", "order_types": ["dine_in", "takeout"], "status": "online",
            "last_seen": "2026-11-30T08:04:20.000Z", "orders_processed": 17,
        }],
    });
    vec![
        Sample::new("OrderList", "page", "One order", json!({ "orders": [listed], "next_cursor": null })),
        Sample::new("KitchenTickets", "tickets", "One order waits", tickets),
        Sample::new("Figures", "figures", "A calm hour", figures),
    ]
}
