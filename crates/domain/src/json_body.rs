//! Validates JSON bodies: every violation is reported, each with its JSON pointer.
//!
//! A body is first split into unparsed fields. Each field is then validated on its own, so a wrong
//! type in one never hides a fault in another.

mod items;
mod object;
mod violations;

pub(crate) use self::items::{item_object, items};
pub(crate) use self::object::readable;
pub use self::violations::Violation;
pub(crate) use self::violations::{Location, Violations};
