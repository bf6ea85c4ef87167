//! Files and variables that anybody may have written: a value is as it was written, within its
//! limits, or an error.

use std::ffi::OsString;

use fuzz::Fuzz;
use secrecy::ExposeSecret;

use crate::{Config, WebUrl, environment, file, located, shape, yaml};

const TOKENS: &[&str] = &[
    "database:",
    "rabbitmq:",
    "kitchen:",
    "cooking_seconds:",
    "host:",
    "port:",
    "user:",
    "password:",
    "vhost:",
    "order:",
    "web:",
    "order_url:",
    "base_path:",
    "https://a",
    "staff_key:",
    "grace_seconds:",
    "log:",
    "level:",
    "\n  ",
    "\n",
    "\r\n",
    ": ",
    " #",
    "---\n",
    "...\n",
    "!",
    "!!str ",
    "!!binary ",
    "&a ",
    "*a",
    "<<: *a",
    "|",
    ">",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "%YAML 1.1\n",
    "~",
    "null",
    ".inf",
    ".nan",
    "0x10",
    "1e400",
    "\u{feff}",
    "\t",
    "? ",
    "- ",
    "DB_HOST=",
    "DB_PORT=",
    "LOG_LEVEL=",
    "HTTP_BIND=",
    "WEB_ORDER_URL=",
    "WEB_BASE_PATH=",
    "BOARD_KEEP_MINUTES=",
    "DB_TLS=",
    "DB_TLS_KEY=",
    "tls:",
    "tls_ca:",
    "verify-full",
    "\\x00",
];

/// What every configuration promises, wherever it comes from.
fn keeps_its_promises(config: &Config) {
    let Config { database, rabbitmq, order, kitchen, board, web, shutdown, log, .. } = config;
    assert!(database.port > 0 && rabbitmq.port > 0 && database.max_connections > 0);
    for name in [&database.host, &database.user, &database.database, &rabbitmq.host, &rabbitmq.user] {
        assert!(!name.is_empty() && name.trim() == name && !name.chars().any(char::is_control), "{name:?}");
    }
    for secret in [&database.password, &rabbitmq.password, &order.staff_key] {
        assert!(!secret.expose_secret().chars().any(char::is_control));
    }
    assert!(order.resend_after.as_secs() <= 86_400 && kitchen.max_wait.as_secs() <= 86_400);
    assert!(board.keep_minutes.as_secs() <= 86_400);
    let paths = [web.order_url.as_ref().map(WebUrl::path), web.tracking_url.as_ref().map(WebUrl::path)];
    for path in paths.into_iter().flatten().chain([&web.base_path]) {
        assert!(path.is_root() || (path.as_str().starts_with('/') && !path.as_str().ends_with('/')));
    }
    assert!((10..=86_400).contains(&shutdown.grace_seconds.as_secs()));
    assert!(log.level.parse::<logging::Level>().is_ok());
}

fn read_file(text: &str) {
    match file::parse(text) {
        Ok(config) => {
            keeps_its_promises(&config);
            assert!(shape::keys_of(text).is_ok() || text.is_empty() || yaml::says_nothing(text));
        }
        Err(why) => assert!(located(&why).chars().count() < 1_100),
    }
}

fn read_environment(text: &str) {
    let variables: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let read = |name: &str| {
        // No file of this machine is read.
        let found = variables.iter().find(|(known, _)| *known == name && !name.ends_with("_FILE"));
        found.map(|(_, value)| OsString::from(value))
    };
    let mut config = Config::default();
    if environment::apply(&mut config, &read).is_ok() {
        keeps_its_promises(&config);
    }
}

#[test]
fn config_files_and_variables() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    Fuzz::new("config files and variables", corpus, TOKENS).run(|input| {
        if let Ok(text) = std::str::from_utf8(input) {
            read_file(text);
            read_environment(text);
        }
    });
}
