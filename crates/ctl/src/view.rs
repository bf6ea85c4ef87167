//! What people see.

pub mod console;
pub mod entry;
pub mod painter;
pub mod sequences;
pub mod stream;
pub mod summary;
pub mod verdict;
