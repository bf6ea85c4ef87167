//! Validates JSON bodies: every violation is reported, each with its JSON pointer.
//!
//! A body is first split into unparsed fields. Each field is then validated on its own, so a wrong
//! type in one never hides a fault in another.

mod object;
mod violations;

pub(crate) use self::object::{ParseObjectError, object, readable};
pub use self::violations::Violation;
pub(crate) use self::violations::{Location, Violations};
