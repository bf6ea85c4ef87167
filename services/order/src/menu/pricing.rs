//! From an order whose items are on the menu to one that can be stored.

use domain::basket::{self, Refusal, RefusalCode, RequestedLine, ResolvedLine};
use domain::inventory::{Demand, Shortage, Stock};
use domain::place_order::{MenuOrder, Violation};
use domain::pricing::{self, Adjustment, PricedLine, Quote, QuoteError};
use domain::quote_request::QuoteRequest;
use domain::{MenuItemId, NewOrder, OrderType};

use super::board::Shown;

/// An order with its price.
#[derive(Debug)]
pub struct PricedOrder {
    /// The order.
    pub order: NewOrder,
    /// What it has from the menu; `None`: its lines are all that there is.
    pub from_menu: Option<FromMenu>,
}

/// What an order from the menu has beside its lines.
#[derive(Debug)]
pub struct FromMenu {
    lines: Vec<ResolvedLine>,
    /// What it takes from the stock.
    pub demand: Demand,
    /// What price rules changed.
    pub adjustments: Vec<Adjustment>,
}

/// Why an order cannot be had as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MenuRefusal {
    /// Items cannot be had, or not at this price.
    #[error(transparent)]
    Items(#[from] Refusal),
    /// It costs too much.
    #[error(transparent)]
    Quote(#[from] QuoteError),
}

/// An order that the menu refuses.
#[derive(Debug)]
pub struct RefusedOrder {
    /// Why.
    pub why: MenuRefusal,
    lines: Vec<RequestedLine>,
}

impl RefusedOrder {
    /// The items that may be short besides.
    pub fn items(&self, shown: &Shown) -> Vec<MenuItemId> {
        match self.why {
            MenuRefusal::Items(_) => basket::named(&self.lines, &shown.snapshot.menu),
            MenuRefusal::Quote(_) => Vec::new(),
        }
    }

    /// Why it is refused, with the items that are short besides.
    pub fn with_short(self, stock: &Stock, shown: &Shown) -> MenuRefusal {
        match self.why {
            MenuRefusal::Items(refusal) => {
                basket::also_short(refusal, &self.lines, &shown.snapshot.menu, stock).into()
            }
            why @ MenuRefusal::Quote(_) => why,
        }
    }
}

impl MenuRefusal {
    /// What is wrong, as a sentence for the guest.
    pub fn sentence(&self) -> String {
        let refusal = match self {
            Self::Quote(why) => return format!("It cannot be ordered: {why}."),
            Self::Items(refusal) => refusal,
        };
        let what = match refusal.code {
            RefusalCode::UnknownItem => "The order is not valid",
            RefusalCode::ItemUnavailable | RefusalCode::OutOfStock => "The order cannot be had as it is",
            RefusalCode::PriceChanged => "The menu has other prices",
        };
        let items: Vec<String> =
            refusal.items.iter().map(|item| format!("{} {}", item.pointer, item.detail)).collect();
        format!("{what}: {}.", items.join("; "))
    }

    /// The rules that the body breaks: it names items that the menu does not have.
    pub fn violations(&self) -> Vec<Violation> {
        let Self::Items(Refusal { code: RefusalCode::UnknownItem, items }) = self else { return Vec::new() };
        let unknown = items.iter().filter(|item| item.code == RefusalCode::UnknownItem);
        unknown.map(|item| Violation { pointer: item.pointer.clone(), detail: item.detail.clone() }).collect()
    }
}

impl FromMenu {
    /// Why the order is refused of whose items there is too little.
    pub fn out_of_stock(&self, shortages: &[Shortage]) -> Option<MenuRefusal> {
        basket::out_of_stock(&self.lines, shortages).map(MenuRefusal::Items)
    }
}

impl From<NewOrder> for PricedOrder {
    /// An order whose guest named the prices.
    fn from(order: NewOrder) -> Self {
        Self { order, from_menu: None }
    }
}

/// Finds the items of an order on the menu, and prices it as a quote would.
///
/// # Errors
/// Some item is not on the menu, cannot be had now, or has another price; or the order costs too
/// much.
pub fn price(order: MenuOrder, shown: &Shown) -> Result<PricedOrder, RefusedOrder> {
    let MenuOrder { customer_name, fulfilment, lines } = order;
    let (lines, quote) = match quoted(&lines, fulfilment.order_type(), shown) {
        Ok(quoted) => quoted,
        Err(why) => return Err(RefusedOrder { why, lines }),
    };
    let order = basket::order(customer_name, fulfilment, &lines, &quote);
    let demand = basket::demand(&lines);
    Ok(PricedOrder { order, from_menu: Some(FromMenu { lines, demand, adjustments: quote.adjustments }) })
}

/// What lines from the menu cost at this moment. What is left in stock plays no part.
///
/// # Errors
/// As [`price`].
pub fn quote(request: &QuoteRequest<RequestedLine>, shown: &Shown) -> Result<Quote, MenuRefusal> {
    quoted(&request.lines, request.order_type, shown).map(|(_, quote)| quote)
}

fn quoted(
    lines: &[RequestedLine],
    order_type: OrderType,
    shown: &Shown,
) -> Result<(Vec<ResolvedLine>, Quote), MenuRefusal> {
    let lines = basket::resolve(lines, order_type, shown.now, &shown.snapshot.menu)?;
    let priced: Vec<PricedLine> = lines.iter().map(ResolvedLine::priced).collect();
    let quote = pricing::quote(&priced, order_type, shown.local, &shown.snapshot.rules)?;
    Ok((lines, quote))
}
