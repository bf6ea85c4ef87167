//! Changes of status as they happen: one reader of the log for all streams of this process.
//!
//! While a stream is open, the [reader](reader) looks at `order_status_log` once in each tick, with
//! one statement for all streams. The rows of an order go to its streams at once. For the streams
//! of all orders the [sequence](sequence) decides in which order rows go on. Each
//! [stream](stream) gets them through a queue of its own; if it does not keep up, it is cut, and
//! its client comes back with its [position](position).

mod catching_up;
mod fan_out;
mod of_all;
mod of_order;
mod position;
mod reader;
mod seen;
mod sequence;
mod spans;
mod stream;

pub use self::fan_out::BYTES_OF_ALL;
pub use self::of_all::OfAll;
pub use self::of_order::OfOrder;
pub use self::position::Position;
pub use self::reader::{Events, JoinError};
pub use self::stream::{Feed, follow};
