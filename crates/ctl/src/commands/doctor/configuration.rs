//! Checks the configuration, and lists the source of each value.

use std::path::PathBuf;

use config::{Config, Setting};

use crate::view::verdict::Verdict;

/// Reads the configuration. Without it nothing else can be checked.
pub fn check(path: Option<PathBuf>) -> (Option<Config>, Vec<Verdict>) {
    let check = "config";
    match Config::load_with_origins(path) {
        Ok((config, settings)) => {
            let lines = settings.iter().map(line).collect();
            let verdict = Verdict::ok(check, "read; every value with its source:").with_examples(0, lines);
            (Some(config), vec![verdict])
        }
        Err(why) => {
            let to_do = "correct it and run this again; config.yaml of the project shows every key";
            (None, vec![Verdict::fail(check, why.to_string(), to_do)])
        }
    }
}

fn line(Setting { key, value, source }: &Setting) -> String {
    format!("{key} = {} ({source})", value.as_deref().unwrap_or("••••"))
}
