//! What a guest asks for, found on the menu, or refused with every item concerned.

mod refusal;

use std::sync::Arc;

use time::OffsetDateTime;

use self::refusal::Problem;
pub use self::refusal::{Refusal, RefusalCode, RefusedItem};
use crate::inventory::{Demand, Shortage};
use crate::menu::{Menu, MenuItem};
use crate::pricing::{PricedLine, Quote};
use crate::{Fulfilment, Money, NewOrder, OrderItem, OrderType};

/// How a line names its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemReference {
    /// By id, which may be no id at all.
    Id(String),
    /// By the exact name.
    Name(String),
    /// By both, which must agree.
    Both {
        /// The id.
        id: String,
        /// The name.
        name: String,
    },
}

/// A line of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedLine {
    /// The item.
    pub item: ItemReference,
    /// Pieces, 1 to 10.
    pub quantity: u8,
    /// The price that the guest expects; `None`: whatever the menu says.
    pub price: Option<Money>,
}

/// A line whose item was found and can be sold, at the menu's price of that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedLine {
    /// The item.
    pub item: Arc<MenuItem>,
    /// Pieces, 1 to 10.
    pub quantity: u8,
}

impl ResolvedLine {
    /// The line as the order stores it: the menu's name and price.
    pub fn order_item(&self) -> OrderItem {
        OrderItem { name: self.item.name.clone(), quantity: self.quantity, price: self.item.price.money() }
    }

    /// The line as the price rules see it.
    pub fn priced(&self) -> PricedLine {
        PricedLine {
            item_id: Some(self.item.id.clone()),
            category: Some(self.item.category.clone()),
            price: self.item.price,
            quantity: self.quantity.into(),
        }
    }
}

/// Finds every line on the menu, for an order of this type at this moment.
///
/// # Errors
/// The refusal names every item that is unknown, cannot be ordered, or has another price: each
/// once, with the first of its problems.
pub fn resolve(
    lines: &[RequestedLine],
    order_type: OrderType,
    now: OffsetDateTime,
    menu: &Menu,
) -> Result<Vec<ResolvedLine>, Refusal> {
    let mut resolved = Vec::new();
    let mut refused = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match checked(line, order_type, now, menu) {
            Ok(item) => resolved.push(ResolvedLine { item: item.clone(), quantity: line.quantity }),
            Err(problem) => refused.push(RefusedItem::of(line, index, &problem, menu)),
        }
    }
    match Refusal::of(refused) {
        Some(refusal) => Err(refusal),
        None => Ok(resolved),
    }
}

/// An order of these lines, as its quote prices it.
pub fn order(
    customer_name: String,
    fulfilment: Fulfilment,
    lines: &[ResolvedLine],
    quote: &Quote,
) -> NewOrder {
    let items = lines.iter().map(ResolvedLine::order_item).collect();
    NewOrder::costing(customer_name, fulfilment, items, quote.total.clone())
}

/// The pieces of each item that an order takes from the stock.
pub fn demand(lines: &[ResolvedLine]) -> Demand {
    Demand::of(lines.iter().map(|line| (&line.item.id, u32::from(line.quantity))))
}

/// The refusal of an order that wants more than is left. `None` if nothing is short.
pub fn out_of_stock(lines: &[ResolvedLine], shortages: &[Shortage]) -> Option<Refusal> {
    let first_line = |shortage: &Shortage| lines.iter().position(|line| line.item.id == shortage.item_id);
    let mut concerned: Vec<_> =
        shortages.iter().map(|shortage| (first_line(shortage).unwrap_or_default(), shortage)).collect();
    concerned.sort_by_key(|(line, _)| *line);
    let item = |(line, shortage): (usize, &Shortage)| {
        let name = lines.get(line).map(|line| line.item.name.clone());
        RefusedItem::out_of_stock(line, shortage, name)
    };
    Refusal::of(concerned.into_iter().map(item).collect())
}

fn checked<'a>(
    line: &RequestedLine,
    order_type: OrderType,
    now: OffsetDateTime,
    menu: &'a Menu,
) -> Result<&'a Arc<MenuItem>, Problem> {
    let item = match &line.item {
        ItemReference::Id(id) => menu.by_id(id).ok_or(Problem::UnknownId),
        ItemReference::Name(name) => menu.by_name(name).ok_or(Problem::UnknownName),
        ItemReference::Both { id, name } => match menu.by_id(id) {
            Some(item) if item.name == *name => Ok(item),
            Some(item) => Err(Problem::OtherName(item.name.clone())),
            None => Err(Problem::UnknownId),
        },
    }?;
    if !item.available {
        return Err(Problem::NotAvailable);
    }
    if !item.is_sold_for(order_type) {
        return Err(Problem::NotForOrderType(order_type));
    }
    if let Some(until) = item.sold_out_until.filter(|until| until.is_in_future_of(now)) {
        return Err(Problem::SoldOut(until));
    }
    match &line.price {
        Some(price) if *price != item.price.money() => Err(Problem::OtherPrice(item.price)),
        _ => Ok(item),
    }
}

#[cfg(test)]
mod tests;
