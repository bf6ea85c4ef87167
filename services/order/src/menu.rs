//! The menu, its stock and its prices: what guests may ask about, and what staff edit.
//!
//! Nothing here knows how a command came. An adapter (`http`) turns requests into commands and
//! errors into answers.

mod board;
mod editing;
mod pricing;
mod stock;

pub use self::board::{Board, Shown};
pub use self::editing::{EditError, Editing};
pub use self::pricing::{FromMenu, MenuRefusal, PricedOrder, RefusedOrder, price, quote};
pub use self::stock::{Checked, Stock};
