//! An item on the menu.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::category::Category;
use super::item_id::MenuItemId;
use super::sold_out::SoldOutUntil;
use crate::{OrderType, OrderTypes, Price};

/// The largest position.
pub const MAX_POSITION: u16 = 10_000;

/// What the restaurant sells under one id. Serialised, it is the item of the API, field by field in
/// its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MenuItem {
    /// Unique on the menu.
    pub id: MenuItemId,
    /// Unique on the menu, of the rules of `item.name`: 1 to 50 characters.
    pub name: String,
    /// For guests, 0 to 500 characters.
    pub description: String,
    /// The heading under which it stands.
    pub category: Category,
    /// Price of one piece.
    pub price: Price,
    /// The order types for which it is sold.
    pub order_types: OrderTypes,
    /// Whether it is on the menu that guests see.
    pub available: bool,
    /// Its place on the menu, 0 to [`MAX_POSITION`]. Equal ones are sorted by name.
    #[cfg_attr(feature = "openapi", schema(maximum = 10_000))]
    pub position: u16,
    /// Until when staff marked it as sold out; `None`: it is not marked. An item without stock is
    /// sold out as well, marked or not.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sold_out_until: Option<SoldOutUntil>,
}

impl MenuItem {
    /// Whether staff marked it as sold out at this moment.
    pub fn is_sold_out(&self, now: OffsetDateTime) -> bool {
        self.sold_out_until.is_some_and(|until| until.is_in_future_of(now))
    }

    /// Whether guests can order it at this moment, if there is enough of it.
    pub fn can_be_had(&self, now: OffsetDateTime) -> bool {
        self.available && !self.is_sold_out(now)
    }

    /// Whether it is sold for this order type.
    pub fn is_sold_for(&self, order_type: OrderType) -> bool {
        self.order_types.contains(order_type)
    }
}
