//! The configuration: what can be set, and where it comes from.
//!
//! Environment > `<NAME>_FILE` > `config.yaml` > default; flags stand above all and belong to each
//! service. A value is what was written, or an error with its place: nothing is guessed, cut or
//! replaced by a default.
//!
//! `table.rs` has every key, once. To add one, write its entry there and call
//! `cargo xtask config-docs`; the module says how. Which values a key allows is its kind, in
//! `kinds.rs`.

mod allowed_hosts;
mod allowed_origins;
mod base_path;
mod comma_list;
mod environment;
mod file;
#[cfg(test)]
mod fuzzing;
mod key;
mod kinds;
mod load_kinds;
mod menu_mode;
mod networks;
mod publishers;
mod queue_type;
mod reading;
mod server_addresses;
mod server_kinds;
mod shape;
mod table;
mod telemetry_kinds;
mod tls_kinds;
mod tls_mode;
mod tls_pairs;
mod traces_sampler;
mod unused_tls_files;
mod value_source;
mod web_url;
pub mod yaml;

use std::path::PathBuf;

pub use self::allowed_hosts::{HostNames, ParseHostNamesError};
pub use self::allowed_origins::{Origins, ParseOriginsError};
pub use self::base_path::{BasePath, ParseBasePathError};
pub use self::environment::secret;
pub use self::key::{Key, Section};
pub use self::kinds::LEAST_CONNECTIONS;
pub use self::menu_mode::MenuMode;
pub use self::networks::{Networks, ParseNetworksError};
pub use self::publishers::{MessageKind, ParsePublishersError, Publishers};
pub use self::queue_type::QueueType;
pub use self::server_addresses::{addresses, parse_hosts};
pub use self::table::{
    Admin, Board, Config, CookingSeconds, Database, Http, Intake, KEYS, Kitchen, Log, Menu, Order, Rabbitmq,
    Restaurant, SECTIONS, Shutdown, Telemetry, Tracking, Web,
};
pub use self::telemetry_kinds::otlp_headers;
pub use self::tls_mode::TlsMode;
pub use self::traces_sampler::TracesSampler;
pub use self::value_source::{Setting, ValueSource};
pub use self::web_url::{ParseWebUrlError, WebUrl};

/// Why there is no configuration. Passwords never appear in it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for is not there, or not readable.
    #[error("cannot read the config file '{}': {why}. Check --config, or leave it out to use ./config.yaml", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: std::io::Error,
    },
    /// The file says something that is not understood.
    #[error("{}: {}", path.display(), located(why))]
    BadFile {
        /// The file.
        path: PathBuf,
        /// Key, line, column, and what is allowed.
        why: yaml::Error,
    },
    /// A variable says something that is not understood.
    #[error("the environment variable {name} {why}")]
    BadVariable {
        /// The variable.
        name: String,
        /// What is wrong with its value, and what is allowed.
        why: String,
    },
    /// A `<NAME>_FILE` cannot be read.
    #[error("the environment variable {name} names the file '{}', which cannot be read: {why}", path.display())]
    BadSecretFile {
        /// The variable.
        name: String,
        /// The file it names.
        path: PathBuf,
        /// What the operating system says.
        why: std::io::Error,
    },
    /// A section names files that only TLS uses, and says that there is no TLS.
    #[error(
        "{files} cannot be used while {mode} is disable: the connection would not be encrypted. \
         Either set {mode} to verify-full or require, or remove {files}"
    )]
    UnusedTlsFiles {
        /// The keys of the files.
        files: String,
        /// The key that says whether there is TLS.
        mode: String,
    },
    /// A section names a certificate or a key, and not the other.
    #[error("{set} is set, and {missing} is not: set both, or none of them")]
    HalfTlsPair {
        /// The key that is set.
        set: String,
        /// The one that is not.
        missing: String,
    },
    /// The authority of a collector is named, which is reached without TLS.
    #[error(
        "{ca} cannot be used while {endpoint} begins with http://: traces, and the headers with them, would not be encrypted. \
         Either begin {endpoint} with https://, or remove {ca}"
    )]
    UnusedCollectorAuthority {
        /// The key of the file.
        ca: String,
        /// The key that says whether there is TLS.
        endpoint: String,
    },
    /// There are several mistakes.
    #[error("{}", listed(mistakes))]
    Several {
        /// At least two.
        mistakes: Vec<Self>,
    },
}

impl ConfigError {
    /// All of these mistakes as one, if there are any.
    fn of(mut mistakes: Vec<Self>) -> Result<(), Self> {
        match mistakes.pop() {
            None => Ok(()),
            Some(only) if mistakes.is_empty() => Err(only),
            Some(last) => {
                mistakes.push(last);
                Err(Self::Several { mistakes })
            }
        }
    }
}

fn listed(mistakes: &[ConfigError]) -> String {
    mistakes.iter().map(ConfigError::to_string).collect::<Vec<_>>().join("; ")
}

/// Most characters of what the parser says: it repeats what it does not understand, at any length.
const MAX_SAID: usize = 1_000;

/// What the parser says, and where. It leaves out the place when it is the very first character.
fn located(why: &yaml::Error) -> String {
    let text = why.to_string();
    let (said, place) = text.rsplit_once(" at line ").unwrap_or((&text, "1 column 1"));
    let shown: String = said.chars().take(MAX_SAID).collect();
    let cut = if shown.len() < said.len() { "…" } else { "" };
    format!("{shown}{cut} at line {place}")
}

impl Config {
    /// Reads the file and this process's environment. Without `path`, a missing
    /// `./config.yaml` means defaults.
    ///
    /// # Errors
    /// Whatever cannot be read or understood, with the key and the place; files of TLS without TLS,
    /// and halves of a pair of them.
    pub fn load(path: Option<PathBuf>) -> Result<Self, ConfigError> {
        let read = |name: &str| std::env::var_os(name);
        let mut config = file::read(path)?;
        environment::apply(&mut config, &read)?;
        unused_tls_files::check(&config, &read)?;
        tls_pairs::check(&config)?;
        Ok(config)
    }

    /// Reads the same, and tells of every key what it is and where it comes from.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with_origins(path: Option<PathBuf>) -> Result<(Self, Vec<Setting>), ConfigError> {
        let in_file = file::keys(path.clone())?;
        let config = Self::load(path)?;
        let settings = value_source::settings(&config, &in_file, &|name| std::env::var_os(name));
        Ok((config, settings))
    }
}
