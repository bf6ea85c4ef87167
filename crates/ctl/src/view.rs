//! What audit and doctor say.

pub mod sequences;
pub mod verdict;
