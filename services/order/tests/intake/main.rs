//! Orders that come as messages of the queue `validated_orders`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod counter;
mod failing;
mod outages;
mod pausing;
mod placing;
mod repeating;
mod replying;
mod settling;
mod switching;
mod too_large;
mod untrusted;
