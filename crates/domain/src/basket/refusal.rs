//! Why an order is refused, item by item.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ItemReference, RequestedLine};
use crate::inventory::{Shortage, StockLeft};
use crate::menu::{LONGEST_ID, Menu, SoldOutUntil};
use crate::{OrderType, Price};

/// The kind of a refusal. Earlier ones take precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The menu has no such item: the request is wrong.
    UnknownItem,
    /// The menu has it, but it cannot be ordered now, or not for this order type.
    ItemUnavailable,
    /// The guest expects another price.
    PriceChanged,
    /// More is wanted than is left.
    OutOfStock,
}

impl RefusalCode {
    /// The code of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownItem => "unknown_item",
            Self::ItemUnavailable => "item_unavailable",
            Self::PriceChanged => "price_changed",
            Self::OutOfStock => "out_of_stock",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An item that an order cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedItem {
    /// The id, as the guest or the menu says it; `None` if a name is all there is.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub item_id: Option<String>,
    /// The name, as the menu or the guest says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub name: Option<String>,
    /// JSON pointer (RFC 6901) to the first line that has the problem.
    pub pointer: String,
    /// The kind of the problem.
    pub code: RefusalCode,
    /// Describes the problem for people.
    pub detail: String,
    /// The menu's price, for `price_changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub price: Option<Price>,
    /// What is left, for `out_of_stock`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub left: Option<u32>,
}

/// Why an order is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} item{} of the order cannot be had: {code}", .items.len(), if .items.len() == 1 { "" } else { "s" })]
pub struct Refusal {
    /// The first of all codes.
    pub code: RefusalCode,
    /// Every item concerned, once: those that the menu refuses, in the order of the lines, and then
    /// those that are only short. Never empty.
    pub items: Vec<RefusedItem>,
}

/// What is wrong with one line.
pub(super) enum Problem {
    UnknownId,
    UnknownName,
    /// The item of the id has this name.
    OtherName(String),
    NotAvailable,
    NotForOrderType(OrderType),
    SoldOut(SoldOutUntil),
    /// The item has this price.
    OtherPrice(Price),
}

impl Problem {
    fn code(&self) -> RefusalCode {
        match self {
            Self::UnknownId | Self::UnknownName | Self::OtherName(_) => RefusalCode::UnknownItem,
            Self::NotAvailable | Self::NotForOrderType(_) | Self::SoldOut(_) => RefusalCode::ItemUnavailable,
            Self::OtherPrice(_) => RefusalCode::PriceChanged,
        }
    }

    /// The field of the line that it is about, if it is about one.
    fn field(&self) -> &'static str {
        match self {
            Self::UnknownId => "/item_id",
            Self::UnknownName | Self::OtherName(_) => "/name",
            Self::OtherPrice(_) => "/price",
            Self::NotAvailable | Self::NotForOrderType(_) | Self::SoldOut(_) => "",
        }
    }
}

/// As the end of a sentence that begins with the pointer.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownId => f.write_str("is not the id of an item on the menu"),
            Self::UnknownName => f.write_str("is not the name of an item on the menu"),
            Self::OtherName(name) => {
                write!(f, "does not agree with item_id: that item is called '{name}'; send one of them")
            }
            Self::NotAvailable => f.write_str("is not on the menu at present"),
            Self::NotForOrderType(order_type) => write!(f, "is not sold in {order_type} orders"),
            Self::SoldOut(SoldOutUntil::FurtherNotice) => f.write_str("is sold out until further notice"),
            Self::SoldOut(SoldOutUntil::Time(until)) => write!(f, "is sold out until {until}"),
            Self::OtherPrice(price) => write!(f, "is not the price on the menu, which is {price}"),
        }
    }
}

impl RefusedItem {
    pub(super) fn of(line: &RequestedLine, index: usize, problem: &Problem, menu: &Menu) -> Self {
        let (id, name) = match &line.item {
            ItemReference::Id(id) => (Some(id), None),
            ItemReference::Name(name) => (None, Some(name)),
            ItemReference::Both { id, name } => (Some(id), Some(name)),
        };
        let item = id.and_then(|id| menu.by_id(id)).or_else(|| name.and_then(|name| menu.by_name(name)));
        let item = item.filter(|_| !matches!(problem, Problem::UnknownId | Problem::UnknownName));
        Self {
            // No id is longer, and whoever sends one need not get all of it back.
            item_id: item
                .map(|item| item.id.to_string())
                .or_else(|| id.map(|id| id.chars().take(LONGEST_ID).collect())),
            name: item.map(|item| item.name.clone()).or_else(|| name.cloned()),
            pointer: format!("/items/{index}{}", problem.field()),
            code: problem.code(),
            detail: problem.to_string(),
            price: if let Problem::OtherPrice(price) = problem { Some(*price) } else { None },
            left: None,
        }
    }

    pub(super) fn out_of_stock(index: usize, shortage: &Shortage, name: String) -> Self {
        let Shortage { item_id, requested, left } = shortage;
        let detail = match *left {
            StockLeft::NONE => "is sold out".to_owned(),
            left => format!("is short: {requested} are wanted, {left} left"),
        };
        Self {
            item_id: Some(item_id.to_string()),
            name: Some(name),
            pointer: format!("/items/{index}"),
            code: RefusalCode::OutOfStock,
            detail,
            price: None,
            left: Some(left.get()),
        }
    }

    /// Whether both are about the same item.
    fn is_of_the_same_item_as(&self, other: &Self) -> bool {
        match (&self.item_id, &other.item_id) {
            (None, None) => self.name == other.name,
            (one, other) => one == other,
        }
    }
}

impl Refusal {
    /// Names every item once, with the problem that takes precedence. `None` if there is none.
    pub(super) fn of(problems: Vec<RefusedItem>) -> Option<Self> {
        let items = each_once(problems);
        let code = items.iter().map(|item| item.code).min()?;
        Some(Self { code, items })
    }

    /// Names these items too, which are short. That is the last of the codes: what is named already
    /// stays as it is.
    pub(super) fn and_short(self, short: Vec<RefusedItem>) -> Self {
        let Self { code, items } = self;
        Self { code, items: each_once(items.into_iter().chain(short)) }
    }
}

/// Every item once, with the problem that takes precedence.
fn each_once(problems: impl IntoIterator<Item = RefusedItem>) -> Vec<RefusedItem> {
    let mut items: Vec<RefusedItem> = Vec::new();
    for problem in problems {
        match items.iter_mut().find(|item| item.is_of_the_same_item_as(&problem)) {
            None => items.push(problem),
            Some(earlier) if problem.code < earlier.code => *earlier = problem,
            Some(_) => {}
        }
    }
    items
}
