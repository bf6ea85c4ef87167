//! Examples of bodies. Those of requests are made of the described types, so that they fit.

use domain::{OrderType, ServiceName};
use http_service::openapi::{Sample, healthy};
use serde_json::{Value, json};

use crate::http::described::requests::{
    Cancellation, CheckedLine, DeliveryOrder, DineInOrder, InventoryCheckRequest, MenuItemEdit, Order,
    OrderLine, Pause, QuoteRequest, Restock, SoldOutMark, StockLeftEdit, TakeoutOrder,
};

/// All of them.
pub fn all() -> Vec<Sample> {
    [orders(), of_staff(), answers(), vec![healthy(ServiceName::Order, &["database", "rabbitmq"])]].concat()
}

fn free_line(name: &'static str, quantity: u32, price: &str) -> OrderLine {
    OrderLine { item_id: None, name: Some(name), quantity, price: price.parse().ok() }
}

fn menu_line(item_id: &'static str, quantity: u32) -> OrderLine {
    OrderLine { item_id: Some(item_id), name: None, quantity, price: None }
}

fn orders() -> Vec<Sample> {
    let takeout = Order::Takeout(TakeoutOrder {
        customer_name: "Jane Doe",
        order_type: OrderType::Takeout,
        table_number: None,
        delivery_address: None,
        items: vec![free_line("Margherita Pizza", 1, "15.99"), free_line("Caesar Salad", 1, "8.99")],
    });
    let dine_in = Order::DineIn(DineInOrder {
        customer_name: "Nguyễn Văn An",
        order_type: OrderType::DineIn,
        table_number: 7,
        delivery_address: None,
        items: vec![menu_line("pho-bo", 2)],
    });
    let delivery = Order::Delivery(DeliveryOrder {
        customer_name: "John O'Hara",
        order_type: OrderType::Delivery,
        table_number: None,
        delivery_address: "123 Main Street, Springfield",
        items: vec![free_line("Margherita Pizza", 3, "15.99")],
    });
    let quoted = QuoteRequest { order_type: Some(OrderType::Takeout), items: vec![menu_line("pho-bo", 1)] };
    let free = QuoteRequest { order_type: None, items: vec![free_line("Margherita Pizza", 2, "15.99")] };
    let checked = InventoryCheckRequest { items: vec![CheckedLine { item_id: "pho-bo", quantity: 2 }] };
    vec![
        Sample::new("Order", "takeout", "To fetch, while guests name the prices", takeout),
        Sample::new("Order", "dine_in", "At a table, from the menu", dine_in),
        Sample::new("Order", "delivery", "To be brought, while guests name the prices", delivery),
        Sample::new("QuoteRequest", "menu", "From the menu", quoted),
        Sample::new("QuoteRequest", "free", "While guests name the prices", free),
        Sample::new("InventoryCheckRequest", "check", "Two of an item", checked),
        Sample::new(
            "Cancellation",
            "reason",
            "With a reason for the log",
            Cancellation { reason: Some("The guest has left") },
        ),
    ]
}

fn of_staff() -> Vec<Sample> {
    let price = "9.00".parse().ok();
    let item = price.map(|price| MenuItemEdit {
        id: None,
        name: "Phở bò",
        description: Some("Beef broth, rice noodles, herbs, lime"),
        category: "Soups".parse().ok(),
        price,
        order_types: None,
        available: None,
        position: Some(210),
        sold_out_until: None,
    });
    let left = |left| StockLeftEdit { left, changed_by: Some("Anna") };
    vec![
        Sample::new("MenuItemEdit", "item", "A soup", item),
        Sample::new(
            "SoldOutMark",
            "notice",
            "Until further notice",
            SoldOutMark { until: Some("further_notice") },
        ),
        Sample::new("StockLeftEdit", "counted", "Twenty are left", left(Some(20))),
        Sample::new("StockLeftEdit", "unlimited", "It is not counted any more", left(None)),
        Sample::new("Restock", "restock", "Ten more", Restock { quantity: 10, changed_by: None }),
        Sample::new(
            "Pause",
            "pause",
            "Five minutes",
            Pause { minutes: 5, message: "The oven is broken. We are back in five minutes." },
        ),
    ]
}

fn answers() -> Vec<Sample> {
    let item = json!({
        "id": "pho-bo", "name": "Phở bò", "description": "Beef broth, rice noodles, herbs, lime",
        "category": "Soups", "price": 9.00, "order_types": ["dine_in", "takeout", "delivery"],
        "available": true, "position": 210, "sold_out_until": null,
    });
    let mut shown = item.clone();
    if let Value::Object(members) = &mut shown {
        members.insert("sold_out".to_owned(), false.into());
    }
    let menu = json!({
        "menu_version": 5, "currency": "USD",
        "categories": [{ "name": "Soups", "items": [shown] }],
    });
    let quote = json!({
        "subtotal": 9.00, "discount": 0.90, "fees": 0.00, "tax": 0.00, "total": 8.10,
        "adjustments": [{
            "kind": "discount", "rule": "soups", "label": "Soup day", "line": 0, "base": 9.00, "amount": -0.90,
        }],
        "menu_version": 5,
    });
    let level = json!({ "item_id": "pho-bo", "left": 20, "updated_at": "2026-11-30T17:28:23.988Z" });
    let placed = json!({ "order_number": "ORD_20261130_001", "status": "received", "total_amount": 24.98 });
    let changed = json!({ "order_number": "ORD_20261130_001", "status": "cancelled" });
    let check = json!({
        "available": false,
        "items": [{ "item_id": "pho-bo", "requested": 2, "available": false, "reason": "out_of_stock" }],
    });
    let open = json!({
        "accepting": true, "until": null, "message": null,
        "waiting": { "dine_in": 3, "takeout": 12, "delivery": 0 }, "max_waiting": 40,
    });
    let paused = json!({
        "accepting": false, "until": "2026-11-30T17:33:23.988Z",
        "message": "The oven is broken. We are back in five minutes.",
        "waiting": { "dine_in": 3, "takeout": 12, "delivery": 0 }, "max_waiting": 40,
    });
    vec![
        Sample::new("PlacedOrder", "placed", "It will be cooked", placed),
        Sample::new("ChangedOrder", "cancelled", "It will not be cooked", changed),
        Sample::new("Menu", "menu", "One soup", menu),
        Sample::new("MenuItem", "item", "A soup", item),
        Sample::new("PriceQuote", "quote", "A tenth off soups", quote),
        Sample::new("InventoryCheck", "check", "None are left", check),
        Sample::new("StockLevels", "levels", "One item is counted", json!({ "items": [level.clone()] })),
        Sample::new("StockLevel", "level", "Twenty are left", level),
        Sample::new("Intake", "open", "Orders are taken", open),
        Sample::new("Intake", "paused", "The staff has paused it", paused),
        Sample::new(
            "DeadLetters",
            "some",
            "Three for an hour",
            json!({ "messages": 3, "seen_for_seconds": 3_600 }),
        ),
    ]
}
