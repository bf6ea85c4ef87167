//! What a guest asks for, found on the menu, or refused with every item concerned.

mod refusal;

use std::sync::Arc;

use time::OffsetDateTime;

use self::refusal::Problem;
pub use self::refusal::{Refusal, RefusalCode, RefusedItem};
use crate::inventory::{self, Admission, Demand, Shortage, Stock};
use crate::menu::{Menu, MenuItem};
use crate::pricing::{PricedLine, Quote};
use crate::{Fulfilment, MenuItemId, Money, NewOrder, OrderItem, OrderType};

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
    Refusal::of(short(lines.iter().map(|line| &*line.item).enumerate(), shortages))
}

/// The items on the menu that these lines name.
pub fn named(lines: &[RequestedLine], menu: &Menu) -> Vec<MenuItemId> {
    on_the_menu(lines, menu).map(|(_, _, item)| item.id.clone()).collect()
}

/// A refusal of these lines that names what is short, too. `stock`: what is left of the items that
/// they name.
pub fn also_short(refusal: Refusal, lines: &[RequestedLine], menu: &Menu, stock: &Stock) -> Refusal {
    let wanted = on_the_menu(lines, menu).map(|(_, line, item)| (&item.id, u32::from(line.quantity)));
    match inventory::admit_one(&mut stock.clone(), &Demand::of(wanted)) {
        Admission::Admitted(_) => refusal,
        Admission::Refused(shortages) => {
            let places = on_the_menu(lines, menu).map(|(index, _, item)| (index, item));
            refusal.and_short(short(places, &shortages))
        }
    }
}

/// The items that are short, in the order of these lines.
fn short<'a>(lines: impl Iterator<Item = (usize, &'a MenuItem)>, shortages: &[Shortage]) -> Vec<RefusedItem> {
    let of_line = |(index, item): (usize, &MenuItem)| {
        let shortage = shortages.iter().find(|shortage| shortage.item_id == item.id)?;
        Some(RefusedItem::out_of_stock(index, shortage, item.name.clone()))
    };
    lines.filter_map(of_line).collect()
}

/// The lines whose item the menu has, each with its place.
fn on_the_menu<'a>(
    lines: &'a [RequestedLine],
    menu: &'a Menu,
) -> impl Iterator<Item = (usize, &'a RequestedLine, &'a MenuItem)> {
    let lines = lines.iter().enumerate();
    lines.filter_map(move |(index, line)| Some((index, line, &**found(&line.item, menu).ok()?)))
}

fn found<'a>(item: &ItemReference, menu: &'a Menu) -> Result<&'a Arc<MenuItem>, Problem> {
    match item {
        ItemReference::Id(id) => menu.by_id(id).ok_or(Problem::UnknownId),
        ItemReference::Name(name) => menu.by_name(name).ok_or(Problem::UnknownName),
        ItemReference::Both { id, name } => match menu.by_id(id) {
            Some(item) if item.name == *name => Ok(item),
            Some(item) => Err(Problem::OtherName(item.name.clone())),
            None => Err(Problem::UnknownId),
        },
    }
}

fn checked<'a>(
    line: &RequestedLine,
    order_type: OrderType,
    now: OffsetDateTime,
    menu: &'a Menu,
) -> Result<&'a Arc<MenuItem>, Problem> {
    let item = found(&line.item, menu)?;
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
