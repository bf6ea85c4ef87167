//! Finds out the revision of the sources: `RESTAURANT_REVISION`, or else the commit that is checked
//! out.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=RESTAURANT_REVISION");
    println!("cargo::rerun-if-changed=build.rs");
    let named = std::env::var("RESTAURANT_REVISION").ok().filter(|revision| is_plain(revision));
    let revision = named.or_else(of_commit).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=RESTAURANT_REVISION={revision}");
}

/// The abbreviated commit. Cargo looks again after the next one.
fn of_commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short=7", "HEAD"]).filter(|commit| is_plain(commit))?;
    // The log of HEAD grows with every commit and checkout. Without a log: HEAD itself.
    let watched = ["logs/HEAD", "HEAD"]
        .into_iter()
        .find_map(|name| git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).is_file()));
    if let Some(path) = watched {
        println!("cargo::rerun-if-changed={path}");
    }
    Some(commit)
}

/// What git says in a line; `None` without git, or outside of a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Whether a text can stand in a label and in a line.
fn is_plain(revision: &str) -> bool {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    (1..=64).contains(&revision.len()) && revision.chars().all(is_allowed)
}
