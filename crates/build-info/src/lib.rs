//! Which build a program is: its version, and the revision of its sources.
//!
//! Only the programs themselves are built from this crate. It changes with every commit, and what
//! is built from it is built anew.

/// The version of the project, such as `0.2.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The revision of the sources, such as `1a2b3c4`: `RESTAURANT_REVISION` at the time of the build,
/// or else the commit that was checked out. Without git: `unknown`.
pub const REVISION: &str = env!("RESTAURANT_REVISION");

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_a_commit_or_was_named_or_is_unknown() {
        let is_commit =
            REVISION.len() >= 7 && REVISION.chars().all(|character| character.is_ascii_hexdigit());
        let was_named = std::env::var("RESTAURANT_REVISION").is_ok_and(|named| named == REVISION);
        assert!(is_commit || was_named || REVISION == "unknown", "{REVISION}");
        assert_eq!(VERSION.split('.').count(), 3);
    }
}
