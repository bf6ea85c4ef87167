//! A menu with stock and prices, and orders from it.

use std::time::Duration;

use db::audit::{self, Finding, Scope, Since};
use db::orders::{self, FromMenu, PlaceOutcome, PlacedOrder, Placement};
use db::{Database, DbError, inventory, menu};
use domain::inventory::{Demand, Shortage, StockLeft};
use domain::pricing::{Adjustment, AdjustmentKind, PriceRule, RuleSet};
use domain::record::Record;
use domain::{MenuItem, MenuItemId, OrderIdentity};
use serde_json::Value;

use crate::scene::{Scene, identity, request_id, takeout};

impl Scene {
    /// Puts an item on the menu, with this stock.
    pub async fn offer(&self, id: &str, left: u32) {
        menu::put(&self.db, &item(id, "1.00")).await.unwrap();
        inventory::set_left(&self.db, &item_id(id), Some(self::left(left)), "staff").await.unwrap();
    }

    /// Puts an item on the menu, and does not count it.
    pub async fn offer_unlimited(&self, id: &str) {
        menu::put(&self.db, &item(id, "1.00")).await.unwrap();
    }

    /// Sells one order.
    pub async fn sell(&self, wanted: &[(&str, u32)]) -> PlacedOrder {
        let outcome = sell(&self.db, &[Basket::of(wanted)]).await.unwrap().remove(0);
        outcome.placed().unwrap()
    }

    /// What is left of an item; null if it is unlimited.
    pub async fn left(&self, id: &str) -> Value {
        self.value(&format!("select (select \"left\" from inventory_items where item_id = '{id}')")).await
    }

    /// The movements of an item, oldest first, such as `order -2 → 3 of order-service`.
    pub async fn moved(&self, id: &str) -> Vec<String> {
        let sql = format!(
            "select reason || ' ' || delta || ' → ' || coalesce(left_after::text, 'unlimited') || ' by ' || changed_by as moved
             from inventory_movements where item_id = '{id}' order by id"
        );
        self.rows(&sql).await.iter().map(|row| row["moved"].as_str().unwrap().to_owned()).collect()
    }

    /// The broken rules.
    pub async fn broken(&self) -> Vec<Finding> {
        let statement_timeout = Duration::from_secs(30);
        let scope = Scope { since: Since::Ever, settled: false, statement_timeout };
        audit::run(&self.db, &scope).await.unwrap().findings
    }
}

/// What an order takes from the stock, and what rules changed.
#[derive(Clone)]
pub struct Basket {
    pub identity: OrderIdentity,
    demand: Demand,
    adjustments: Vec<Adjustment>,
}

impl Basket {
    pub fn of(wanted: &[(&str, u32)]) -> Self {
        let wanted: Vec<_> = wanted.iter().map(|(id, quantity)| (item_id(id), *quantity)).collect();
        let demand = Demand::of(wanted.iter().map(|(id, quantity)| (id, *quantity)));
        Self { identity: identity(), demand, adjustments: Vec::new() }
    }

    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    pub fn with(self, adjustments: &[Adjustment]) -> Self {
        Self { adjustments: adjustments.to_vec(), ..self }
    }
}

/// Places a takeout order for each basket, in one call. Its total has the adjustments in it.
pub async fn sell(db: &Database, baskets: &[Basket]) -> Result<Vec<PlaceOutcome>, DbError> {
    let request_id = request_id("a-request");
    let orders: Vec<_> = baskets
        .iter()
        .map(|basket| {
            let mut order = takeout();
            let amounts = basket.adjustments.iter().map(|adjustment| adjustment.amount.clone());
            order.total_amount = [order.total_amount.clone()].into_iter().chain(amounts).sum();
            order
        })
        .collect();
    let placements: Vec<_> = baskets
        .iter()
        .zip(&orders)
        .map(|(basket, order)| Placement {
            identity: basket.identity,
            order,
            request_id: &request_id,
            idempotency: None,
            from_menu: Some(FromMenu { demand: &basket.demand, adjustments: &basket.adjustments }),
            request: None,
        })
        .collect();
    orders::place(db, &placements).await
}

/// What was short, such as `soup: 3 of 2`.
pub fn short(outcome: &PlaceOutcome) -> Vec<String> {
    let PlaceOutcome::OutOfStock(shortages) = outcome else { panic!("{outcome:?}") };
    let text = |Shortage { item_id, requested, left }: &Shortage| format!("{item_id}: {requested} of {left}");
    shortages.iter().map(text).collect()
}

/// Whether the order is stored.
pub fn is_placed(outcome: &PlaceOutcome) -> bool {
    matches!(outcome, PlaceOutcome::Placed(_))
}

pub fn item_id(id: &str) -> MenuItemId {
    id.parse().unwrap()
}

pub fn left(pieces: u32) -> StockLeft {
    i64::from(pieces).try_into().unwrap()
}

/// An item whose name is its id.
pub fn item(id: &str, price: &str) -> MenuItem {
    MenuItem::from_record(&Record::default().with("id", id).with("name", id).with("price", price)).unwrap()
}

/// A discount on the order.
pub fn discount(id: &str, percent: &str) -> Record {
    Record::default().with("id", id).with("kind", "discount").with("label", id).with("percent", percent)
}

/// A set of rules.
pub fn rules(records: &[Record]) -> RuleSet {
    RuleSet::new(records.iter().map(|record| PriceRule::from_record(record).unwrap()).collect()).unwrap()
}

/// A fee, as a rule made it.
pub fn fee(amount: &str) -> Adjustment {
    Adjustment {
        kind: AdjustmentKind::Fee,
        rule: "delivery".parse().unwrap(),
        label: "Delivery".parse().unwrap(),
        line: None,
        base: "24.98".parse().unwrap(),
        amount: amount.parse().unwrap(),
        included: None,
    }
}
