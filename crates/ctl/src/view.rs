//! The output that audit and doctor share.

pub mod sequences;
pub mod verdict;
