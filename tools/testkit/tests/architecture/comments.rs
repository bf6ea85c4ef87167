//! How wide comments are: they are read beside each other, and in narrow windows.

use std::path::Path;

use testkit::shared_servers::workspace;

const MOST_COLUMNS: usize = 100;

/// Lines that are comments and too wide. A table's row and an address cannot be broken.
fn too_wide(text: &str) -> Vec<usize> {
    let is_wide = |line: &str| {
        let words = line.trim_start();
        let is_row = words.trim_start_matches(['/', '!', ' ']).starts_with('|');
        words.starts_with("//") && line.chars().count() > MOST_COLUMNS && !is_row && !words.contains("://")
    };
    text.lines().zip(1..).filter(|(line, _)| is_wide(line)).map(|(_, number)| number).collect()
}

fn look_below(folder: &Path, found: &mut Vec<String>, files: &mut usize) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            look_below(&path, found, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            let lines = too_wide(&text);
            found.extend(lines.iter().map(|line| format!("{}:{line}", path.display())));
            *files += 1;
        }
    }
}

#[test]
fn no_comment_is_wider_than_100_columns() {
    let (mut found, mut files) = (Vec::new(), 0);
    for group in ["crates", "services", "tools"] {
        look_below(&workspace().join(group), &mut found, &mut files);
    }
    assert!(files > 300, "{files}");
    assert!(found.is_empty(), "wrap these comments at {MOST_COLUMNS} columns:\n{}", found.join("\n"));
}

#[test]
fn a_wide_comment_is_seen() {
    let long = "é ".repeat(60);
    for wide in [format!("/// {long}"), format!("    //! {long}"), format!("// {long}")] {
        assert_eq!(too_wide(&format!("\n{wide}\n")), [2], "{wide}");
    }
    let fits = format!("// {}", "é".repeat(97));
    for fine in
        [fits, format!("let a = \"{long}\";"), format!("//! | {long} |"), format!("// https://{long}")]
    {
        assert_eq!(too_wide(&fine), Vec::<usize>::new(), "{fine}");
    }
}
