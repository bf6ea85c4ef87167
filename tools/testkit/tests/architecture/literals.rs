//! The string literals of a Rust source, without those of its comments and its unit tests.

/// All string literals outside of unit tests.
pub fn literals(source: &str) -> Vec<String> {
    let program = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut literals = Vec::new();
    let mut rest = program;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some((literal, length)) = raw(rest).or_else(|| quoted(rest)) {
            literals.push(literal);
            length
        } else {
            character(rest).unwrap_or(c.len_utf8())
        };
        rest = &rest[length..];
    }
    literals
}

/// `r"…"`, `r#"…"#`: the text and the length of the whole.
fn raw(rest: &str) -> Option<(String, usize)> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let text = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = text.find(&end)?;
    Some((text[..length].to_owned(), 1 + hashes + 1 + length + end.len()))
}

/// `"…"`: the text with unresolved escapes, and the length of the whole.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let text = rest.strip_prefix('"')?;
    let mut escaped = false;
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((text[..place].to_owned(), place + 2)),
            _ => {}
        }
    }
    None
}

/// `'"'` and `'\''` do not start strings. A lifetime is not a character.
fn character(rest: &str) -> Option<usize> {
    let text = rest.strip_prefix('\'')?;
    let length = match text.chars().next()? {
        '\\' => text[2..].find('\'')? + 2,
        c => c.len_utf8(),
    };
    text[length..].starts_with('\'').then_some(length + 2)
}

#[test]
fn literals_are_found_and_nothing_else() {
    let source = r##"
        //! "in a comment"
        /* "in another" */
        const A: &str = "one \" and \\";
        fn f<'a>(x: &'a str) -> char { if x == r#"two "quoted" words"# { '"' } else { '\'' } }
        const B: &[u8] = b"three"; const FOR: &str = "über";
        #[cfg(test)]
        mod tests { const C: &str = "in a test"; }
    "##;
    assert_eq!(literals(source), [r#"one \" and \\"#, r#"two "quoted" words"#, "three", "über"]);
}
