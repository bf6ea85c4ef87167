//! Lists whose entries are separated by commas.

/// The entries without the empty ones: a comma too many harms nobody. Commas alone are one entry,
/// which no list takes: who writes something means something.
pub(crate) fn entries(text: &str) -> impl Iterator<Item = &str> {
    let found = || text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let commas = Some(text.trim()).filter(|text| !text.is_empty() && found().next().is_none());
    commas.into_iter().chain(found())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_an_entry_is_empty_or_a_mistake() {
        for (text, expected) in
            [("", &[][..]), (" ", &[]), ("a, b", &["a", "b"]), (",a,,", &["a"]), (", ,", &[", ,"])]
        {
            assert_eq!(entries(text).collect::<Vec<_>>(), expected, "'{text}'");
        }
    }
}
