//! What the restaurant sells: items, the whole menu at one moment, and edits of it.

mod category;
mod edit;
mod item;
mod item_id;
mod item_record;
mod snapshot;
mod sold_out;

pub use self::category::Category;
pub use self::edit::{EditRejection, parse_item};
pub use self::item::{MAX_POSITION, MenuItem};
pub(crate) use self::item_id::MAX_LENGTH as LONGEST_ID;
pub(crate) use self::item_id::is_id;
pub use self::item_id::{MenuItemId, ParseItemIdError};
pub use self::snapshot::{Menu, MenuCategory, MenuError, ShownItem};
pub use self::sold_out::{ParseSoldOutError, SoldOutUntil};
