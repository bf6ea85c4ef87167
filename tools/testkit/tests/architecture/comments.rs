//! How wide lines are: sources are read beside each other, and in narrow windows.

use crate::rust_files::{self, RustFile};

const MAX_COMMENT: usize = 100;
/// rustfmt's `max_width`. rustfmt skips macros such as `select!`, so it is checked here as well.
const MAX_CODE: usize = 110;

/// Whether a line is a comment that is too wide. A table's row and an address cannot be broken.
fn is_wide_comment(line: &str) -> bool {
    let words = line.trim_start();
    let is_row = words.trim_start_matches(['/', '!', ' ']).starts_with('|');
    words.starts_with("//") && line.chars().count() > MAX_COMMENT && !is_row && !words.contains("://")
}

/// The lines of a source that are too wide. Text in string literals cannot be broken, so it does
/// not count.
fn too_wide(text: &str) -> Vec<usize> {
    let (mut wide, mut literal) = (Vec::new(), None);
    for (line, number) in text.lines().zip(1..) {
        let code = if literal.is_none() && line.trim_start().starts_with("//") {
            0
        } else {
            code_width(line, &mut literal)
        };
        if is_wide_comment(line) || code > MAX_CODE {
            wide.push(number);
        }
    }
    wide
}

/// The characters of a line outside of string literals and trailing comments. `literal` holds the
/// text that ends the literal in which the line starts.
fn code_width(line: &str, literal: &mut Option<String>) -> usize {
    let (mut width, mut rest) = (0, line);
    while let Some(c) = rest.chars().next() {
        if let Some(end) = literal {
            if end == "\"" && c == '\\' {
                rest = rest.get(1..).unwrap_or_default();
                rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
            } else if rest.starts_with(end.as_str()) {
                rest = &rest[end.len()..];
                *literal = None;
            } else {
                rest = &rest[c.len_utf8()..];
            }
            continue;
        }
        if rest.starts_with("//") {
            break;
        }
        let hashes = rest.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
        let raw = hashes.filter(|hashes| rest[1 + hashes..].starts_with('"'));
        let length = if let Some(hashes) = raw {
            *literal = Some(format!("\"{}", "#".repeat(hashes)));
            2 + hashes
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(1, |end| end + 2)
        } else {
            if c == '"' {
                *literal = Some("\"".to_owned());
            }
            c.len_utf8()
        };
        width += rest[..length].chars().count();
        rest = &rest[length..];
    }
    width
}

#[test]
fn no_line_is_too_wide() {
    let wide = |file: &RustFile| {
        let lines = too_wide(&file.text).into_iter();
        lines.map(|line| format!("{}:{line}", file.path)).collect::<Vec<_>>()
    };
    let found: Vec<_> = rust_files::all().iter().flat_map(wide).collect();
    assert!(
        found.is_empty(),
        "wrap comments at {MAX_COMMENT} columns and code at {MAX_CODE}:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_wide_line_is_seen() {
    let long = "é ".repeat(60);
    let code = format!("let a = {};", "a + ".repeat(30));
    for wide in [format!("/// {long}"), format!("    //! {long}"), format!("// {long}"), code] {
        assert_eq!(too_wide(&format!("\n{wide}\n")), [2], "{wide}");
    }
    let fits = format!("// {}", "é".repeat(97));
    for fine in [
        fits,
        format!("let a = \"\\\" {long}\";"),
        format!("let a = r#\" \" {long}\"#;"),
        format!("let a = \"\n{long}\n\";"),
        format!("//! | {long} |"),
        format!("// https://{long}"),
    ] {
        assert_eq!(too_wide(&fine), Vec::<usize>::new(), "{fine}");
    }
}
