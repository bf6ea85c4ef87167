//! Which newer schemas this program can use: what a migration says of itself by its name.
//!
//! - `expand_…` only adds. Programs of the version before go on, and may start.
//! - `contract_20_…` takes away what no program names that knows version 20 or newer.
//! - Any other name says nothing, so an older program refuses to start.

/// Whether a program that knows versions up to `known` can use a schema with a newer migration of
/// this name.
pub(super) fn is_usable_with(name: &str, known: i32) -> bool {
    if name.starts_with("expand_") {
        return true;
    }
    let needed = name.strip_prefix("contract_").and_then(|rest| rest.split('_').next()?.parse::<i32>().ok());
    needed.is_some_and(|needed| needed <= known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::runner;

    /// The first version whose name says something.
    const FIRST: i32 = 20;

    #[test]
    fn only_what_takes_nothing_away_from_this_program_is_usable() {
        for (name, known, expected) in [
            ("expand_retention", 17, true),
            ("contract_20_order_sweeps", 20, true),
            ("contract_20_order_sweeps", 23, true),
            ("contract_20_order_sweeps", 19, false),
            ("contract_order_sweeps", 23, false),
            ("contract_", 23, false),
            ("future", 23, false),
            ("expanding", 23, false),
        ] {
            assert_eq!(is_usable_with(name, known), expected, "{name} with {known}");
        }
    }

    #[test]
    fn each_migration_says_what_it_is() {
        for migration in runner().get_migrations().iter().filter(|migration| migration.version() >= FIRST) {
            // Whoever knows the version itself can use it, unless its name says nothing.
            assert!(
                is_usable_with(migration.name(), migration.version()),
                "{migration}: expand_… or contract_20_…"
            );
        }
    }
}
