//! Many want the last portion while staff bring more and others cancel.

use std::sync::Arc;

use serde_json::json;
use testkit::http::{Answer, send};
use tokio::task::JoinSet;

use crate::menu::{STAFF_KEY, offer};
use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{holds_to_the_end, recovers};

const BUYERS: usize = 64;
/// How many portions staff bring at once.
const RESTOCKED: u32 = 2;
/// How many orders are cancelled at the same moment.
const CANCELLING: usize = 3;

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// An order that got a portion.
struct Bought {
    number: String,
    token: String,
}

/// Orders one portion. `None` if there was none left.
async fn buys(port: u16, customer: String) -> Option<Bought> {
    let items = json!([{"item_id": "last", "quantity": 1}]);
    let order = json!({"customer_name": customer, "order_type": "takeout", "items": items});
    let answer = send(port, "POST", "/orders", &[JSON], order.to_string().as_bytes()).await;
    let body = answer.json();
    match answer.status {
        200 => {
            let number = body["order_number"].as_str().unwrap().to_owned();
            Some(Bought { number, token: answer.header("x-order-token").to_owned() })
        }
        409 => {
            assert_eq!((&body["code"], &body["items"][0]["left"]), (&json!("out_of_stock"), &json!(0)));
            None
        }
        _ => panic!("{answer:?}"),
    }
}

async fn cancels(port: u16, bought: Bought) {
    let path = format!("/orders/{}/cancel", bought.number);
    let answer: Answer = send(port, "POST", &path, &[("X-Order-Token", &bought.token)], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn restocks(port: u16) {
    let staff = format!("Bearer {STAFF_KEY}");
    let body = json!({"quantity": RESTOCKED}).to_string();
    let headers = [JSON, ("Authorization", staff.as_str())];
    let answer = send(port, "POST", "/inventory/last/restock", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_restock_and_cancels_race_the_buyers_of_the_last_portion() {
    let mut restaurant = Restaurant::open().await.with_menu().await;
    let database = restaurant.stage.database().await;
    offer(&database, ("last", "Last portion", "9.50"), 1).await;
    // Guests cancel as long as nobody cooks.
    for cook in &mut restaurant.cooks {
        assert_eq!(cook.stop().await, Some(0));
    }
    // Every process has seen the new item.
    for service in &restaurant.order_services {
        let sees_it = async || {
            let quoted =
                service.post("/calculate_price", r#"{"items": [{"item_id": "last", "quantity": 1}]}"#).await;
            (quoted.status == 200).then_some(())
        };
        testkit::eventually("the menu to have it", sees_it).await;
    }
    let load = restaurant.load();
    let ports: Arc<[u16]> = restaurant.ports.lock().unwrap().as_slice().into();
    let port = |turn: usize| ports[turn % ports.len()];
    let rounds = either(12, 60);
    let mut kept: Vec<Bought> = Vec::new();
    let mut brought = 1;
    for round in 0..=rounds {
        let mut buyers: JoinSet<Option<Bought>> = JoinSet::new();
        let mut others: JoinSet<()> = JoinSet::new();
        for buyer in 0..BUYERS {
            buyers.spawn(buys(port(buyer), format!("Buyer {round} {buyer}")));
            // In the last round nobody brings anything: what is left is sold.
            if round < rounds && buyer == BUYERS / 2 {
                others.spawn(restocks(port(round)));
                brought += RESTOCKED;
                for (place, bought) in kept.drain(..CANCELLING.min(kept.len())).enumerate() {
                    others.spawn(cancels(port(place), bought));
                }
            }
        }
        kept.extend(buyers.join_all().await.into_iter().flatten());
        others.join_all().await;
    }
    assert_eq!(kept.len(), usize::try_from(brought).unwrap(), "sold, less what was given back");
    let left = "select \"left\" from inventory_items where item_id = 'last'";
    assert_eq!(database.value(left).await, 0);
    for place in 0..restaurant.cooks.len() {
        restaurant.replace_cook(place).await;
    }
    let recovery = recovers(&load).await;
    holds_to_the_end("the last portion", restaurant, load, recovery).await;
}
