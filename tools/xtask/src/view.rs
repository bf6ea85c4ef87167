//! What the services say, as people read it.

pub mod entry;
pub mod painter;
pub mod stream;
pub mod summary;
