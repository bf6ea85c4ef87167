//! What people see.

pub mod console;
pub mod entry;
pub mod painter;
pub mod stream;
pub mod summary;
pub mod verdict;
