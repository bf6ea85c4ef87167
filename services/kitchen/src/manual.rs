//! The worker whose cook is a person: its tickets, and what people do with them.
//!
//! Nothing here knows how a person says it. The state is the worker's, so that all displays agree.

mod board;
mod bumping;
mod command;
mod following;
mod open_ticket;
mod snapshot;
mod ticket;

pub use self::board::Board;
pub use self::bumping::{BumpError, Bumping, Recall};
pub use self::command::{Bump, Reply};
pub use self::following::Follower;
pub use self::open_ticket::OpenTicket;
pub use self::snapshot::{Change, CutOff, Snapshot};
pub use self::ticket::Ticket;
