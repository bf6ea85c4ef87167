//! `config-docs`: `config.yaml` and `docs/configuration.md`, written from the one table of settings
//! (`crates/config/src/table.rs`).

use std::fmt::Write as _;

use config::{KEYS, Key, SECTIONS, Section};
use runtime::Exit;
use runtime::exit::failed;

/// Where lines end at the latest.
const MOST_COLUMNS: usize = 100;

/// At the beginning of `config.yaml`.
const ABOUT_THE_FILE: &str = "\
The defaults of every service. Each key can also be set by the environment variable in brackets, or by \
a variable of that name with _FILE at its end, which names a file that holds the value (for secrets). \
Environment > file named by _FILE > this file > built-in default.

An unknown key is an error, and so is a key without a value. An empty variable counts as not set. \
Values that begin with one of ! & * # | > % @ ` { [ must stand in quotes.

Written by `cargo xtask config-docs` from crates/config/src/table.rs. docs/configuration.md says more.";

/// At the beginning of `docs/configuration.md`.
const ABOUT_THE_PAGE: &str = "\
<!-- Written by `cargo xtask config-docs` from crates/config/src/table.rs. -->

# Configuration

Every service and `restaurant-ctl` read the same settings. They have their own flags besides.

## Where a value comes from

The first of these that sets a key decides:

1. a flag of the service
2. the key's environment variable
3. the file that the variable's twin `<NAME>_FILE` names, such as `DB_PASSWORD_FILE` (for secrets)
4. the config file: `config.yaml` in the working directory, or the one that `--config PATH` names
5. the default

`restaurant-ctl doctor` shows each value and where it comes from.

## How a value is read

A value is taken as it was written, or it is refused and the service does not start (exit code 78).
The message names the variable, or the key with its line and column.

- Refused are an unknown key, a key without a value, control characters, and a space at an end of a
  name or of the staff's key.
- A value that YAML reads as something else, such as `!abc` or `[abc]`, is refused too: put it in
  quotes.
- An empty variable counts as not set. An empty file that a `<NAME>_FILE` names is an error.
- Where the value is the path of a file, as of `DB_TLS_KEY`, the twin names that file itself.
- Line ends after a value are no part of it, whether of Unix or of Windows.
- Secrets never appear in a log, an error or the doctor's output.
";

/// The files that follow from the table, each with its text.
fn files() -> [(&'static str, String); 2] {
    [("config.yaml", file()), ("docs/configuration.md", page())]
}

/// Writes them.
pub fn run() -> Result<(), Exit> {
    for (path, text) in files() {
        std::fs::write(path, text).map_err(|why| failed(&why))?;
    }
    Ok(())
}

/// The keys of a section, in its order.
fn keys_of(section: &Section) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.place().0 == section.path)
}

/// `config.yaml`.
fn file() -> String {
    let mut text = String::new();
    for paragraph in ABOUT_THE_FILE.split("\n\n") {
        let gap = if text.is_empty() { "" } else { "#\n" };
        text += gap;
        text += &wrapped(paragraph, "# ", "# ");
    }
    for section in SECTIONS {
        let Some((name, depth)) = name_and_depth(section.path) else { continue };
        let indent = "  ".repeat(depth);
        text += "\n";
        text += &wrapped(section.help, &format!("{indent}# "), &format!("{indent}# "));
        let _ = writeln!(text, "{indent}{name}:");
        for key in keys_of(section) {
            let help = format!("{} Allowed: {}.", key.help, key.allowed);
            let begin = format!("{indent}  # ");
            text += &wrapped(&help, &begin, &begin);
            let (_, name) = key.place();
            let value = yaml(&key.default_text());
            let _ = writeln!(text, "{indent}  {name}: {value}  # [{}]", key.variable);
        }
    }
    text
}

/// The last part of a section's path, and in how many others it stands. The whole file has no name.
fn name_and_depth(path: &str) -> Option<(&str, usize)> {
    let name = path.rsplit('.').next().filter(|name| !name.is_empty())?;
    Some((name, path.matches('.').count()))
}

/// A text as YAML reads it again.
fn yaml(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    match text {
        "" => "\"\"".to_owned(),
        _ if is_plain => text.to_owned(),
        _ => format!("'{}'", text.replace('\'', "''")),
    }
}

/// `docs/configuration.md`.
fn page() -> String {
    let mut text = ABOUT_THE_PAGE.to_owned();
    for section in SECTIONS.iter().filter(|section| keys_of(section).next().is_some()) {
        let _ = writeln!(text, "\n## {}\n", section.path);
        text += &wrapped(section.help, "", "");
        text += "\n| key | variable | default |\n|---|---|---|\n";
        for key in keys_of(section) {
            let default = match key.default_text() {
                text if text.is_empty() => "empty".to_owned(),
                text => format!("`{text}`"),
            };
            let _ = writeln!(text, "| `{}` | `{}` | {default} |", key.name, key.variable);
        }
        text += "\n";
        for key in keys_of(section) {
            let secret = if key.is_secret { " A secret." } else { "" };
            let help = format!("`{}`: {} Allowed: {}.{secret}", key.place().1, key.help, key.allowed);
            text += &wrapped(&help, "- ", "  ");
        }
    }
    text
}

/// The words of a text, in lines that begin so.
fn wrapped(text: &str, first: &str, others: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > MOST_COLUMNS {
            lines += &line;
            lines += "\n";
            others.clone_into(&mut line);
            is_empty = true;
        }
        if !is_empty {
            line += " ";
        }
        line += word;
        is_empty = false;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use devcluster::project;

    use super::*;

    #[test]
    fn the_committed_files_are_what_the_table_says() {
        for (path, text) in files() {
            let committed = std::fs::read_to_string(project::root().join(path)).unwrap_or_default();
            assert!(committed == text, "{path} is not what the table says: run 'cargo xtask config-docs'");
        }
    }

    #[test]
    fn values_are_read_again_as_they_are() {
        for (text, written) in
            [("", "\"\""), ("/", "/"), ("a.b-c_1", "a.b-c_1"), ("::", "'::'"), ("'", "''''")]
        {
            assert_eq!(yaml(text), written);
        }
    }

    #[test]
    fn no_line_is_too_wide_unless_it_is_one_word_or_a_row() {
        let text = wrapped(&"word ".repeat(50), "- ", "  ");
        assert!(text.lines().all(|line| line.chars().count() <= MOST_COLUMNS), "{text}");
        assert_eq!((text.lines().count(), text.matches("word").count()), (3, 50));
        let long = "w".repeat(120);
        assert_eq!(wrapped(&format!("a {long} b"), "- ", "  "), format!("- a\n  {long}\n  b\n"));
    }
}
