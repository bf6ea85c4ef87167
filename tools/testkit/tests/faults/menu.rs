//! A menu with a stock and two price rules, orders from it, and what must hold of the stock.

use serde_json::{Value, json};
use testkit::database::Database;

/// The staff's key.
pub const STAFF_KEY: &str = "the-staff-knows-this-key";
/// The header that shows it.
pub const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");

/// The items: id, name, price. An order has one of the first three, and the last one, which so all
/// orders want.
const ITEMS: [(&str, &str, &str); 4] = [
    ("ribollita", "Ribollita", "3.50"),
    ("bistecca", "Bistecca", "60"),
    ("truffles", "Truffles", "120"),
    ("bread", "Bread", "1.20"),
];
/// More than any scenario sells.
const STOCK: u32 = 1_000_000;

/// Puts the items on the menu, each with a stock, and writes the rules.
pub async fn write(database: &Database) {
    for (id, name, price) in ITEMS {
        offer(database, (id, name, price), STOCK).await;
    }
    let rules = "insert into price_rules (id, kind, label, percent, amount, order_types) values
                     ('tenth', 'discount', 'A tenth less', 10, null, default),
                     ('delivery', 'fee', 'Delivery', null, 2.50, '{delivery}')";
    database.execute(rules).await;
}

/// Puts an item on the menu, with this stock.
pub async fn offer(database: &Database, (id, name, price): (&str, &str, &str), left: u32) {
    let sql = format!(
        "begin;
         insert into menu_items (id, name, category, price) values ('{id}', '{name}', 'All', {price});
         insert into inventory_items (item_id, \"left\") values ('{id}', {left});
         insert into inventory_movements (item_id, delta, left_after, quantity, reason, changed_by)
             values ('{id}', {left}, {left}, {left}, 'set', 'staff');
         commit"
    );
    database.execute(&sql).await;
}

/// The lines of an order. In sequence they make orders of all priorities.
pub fn lines(number: usize) -> Value {
    json!([{"item_id": ITEMS[number % 3].0, "quantity": 1}, {"item_id": "bread", "quantity": 2}])
}

/// No order is without its stock, and no stock without its order. Nothing here trusts what the
/// services noted about stock: what was sold is what was ordered.
pub async fn adds_up(scenario: &str, database: &Database) {
    for (rule, broken) in [
        ("every item of an order was taken from the stock once, and nothing else was", UNMATCHED),
        ("what is left is what staff brought, less what was sold or wasted", NOT_LEFT),
        ("what is cancelled comes back unless it was cooked, and then it is wasted", NOT_ENDED),
        ("the rules were applied to every order", NOT_ADJUSTED),
    ] {
        let found = database.rows(broken).await;
        assert!(found.is_empty(), "{scenario}: not so: {rule}: {found:?}");
    }
}

const UNMATCHED: &str = "
    select order_id, item_id, ordered.quantity as ordered, taken.quantity as taken
    from (select order_id, menu.id as item_id, sum(quantity) as quantity
          from order_items join menu_items as menu using (name) group by 1, 2) as ordered
    full join (select order_id, item_id, sum(quantity) as quantity
               from inventory_movements where reason = 'order' group by 1, 2) as taken using (order_id, item_id)
    where ordered.quantity is distinct from taken.quantity";

const NOT_LEFT: &str = "
    select * from (
        select item.item_id, \"left\",
               (select coalesce(sum(delta), 0) from inventory_movements as moved
                where moved.item_id = item.item_id and reason in ('set', 'restock')) as brought,
               (select coalesce(sum(quantity), 0) from order_items join orders on orders.id = order_id
                where name = menu.name and status <> 'cancelled') as sold,
               (select coalesce(sum(quantity), 0) from inventory_movements as moved
                where moved.item_id = item.item_id and reason = 'waste') as wasted
        from inventory_items as item join menu_items as menu on menu.id = item.item_id
    ) as stock where \"left\" <> brought - sold - wasted";

const NOT_ENDED: &str = "
    select number, reason, was_cooked
    from (select number, reason, exists (select from order_status_log as log
                                         where log.order_id = orders.id and log.status = 'cooking') as was_cooked
          from inventory_movements join orders on orders.id = order_id where reason in ('cancel', 'waste')) as ended
    where was_cooked <> (reason = 'waste')";

const NOT_ADJUSTED: &str = "
    select number, type, lines, discounts, fees from (
        select number, type,
               (select count(*) from order_items where order_id = orders.id) as lines,
               count(*) filter (where kind = 'discount') as discounts,
               count(*) filter (where kind = 'fee') as fees
        from orders left join order_adjustments on order_id = orders.id group by orders.id
    ) as priced where discounts <> lines or fees <> case type when 'delivery' then 1 else 0 end";
