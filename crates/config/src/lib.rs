//! The configuration: what can be set, and where it comes from.
//!
//! Environment > `<NAME>_FILE` > `config.yaml` > default; flags stand above all and belong to each
//! service. A value is what was written, or an error with its place: nothing is guessed, cut or
//! replaced by a default.

mod environment;
mod file;
#[cfg(test)]
mod fuzzing;
mod host_names;
mod hosts;
mod origin;
mod origins;
mod reading;
mod shape;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

pub use self::environment::secret;
pub use self::host_names::{HostNames, ParseHostNamesError};
pub use self::hosts::parse_hosts;
pub use self::origin::{Origin, Setting};
pub use self::origins::{Origins, ParseOriginsError};
pub use self::values::{LAST_STEPS, LEAST_CONNECTIONS};

/// Everything that can be set, with the specification's defaults.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How PostgreSQL is reached.
    pub database: Database,
    /// How RabbitMQ is reached.
    pub rabbitmq: Rabbitmq,
    /// How the order service answers.
    pub order: Order,
    /// How the kitchen cooks.
    pub kitchen: Kitchen,
    /// Where HTTP services listen, and to whom.
    pub http: Http,
    /// What is logged.
    pub log: Log,
    /// How services stop.
    pub shutdown: Shutdown,
}

/// How PostgreSQL is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// Name or address; several, separated by commas, are tried in turn ([`parse_hosts`]).
    #[serde(deserialize_with = "values::hosts")]
    pub host: String,
    /// TCP port.
    #[serde(deserialize_with = "values::port")]
    pub port: u16,
    /// Role.
    #[serde(deserialize_with = "values::name")]
    pub user: String,
    /// Its password.
    #[serde(deserialize_with = "values::password")]
    pub password: SecretString,
    /// Database name.
    #[serde(deserialize_with = "values::name")]
    pub database: String,
    /// Most connections that one service opens; [`LEAST_CONNECTIONS`] at least.
    #[serde(deserialize_with = "values::connections")]
    pub max_connections: usize,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            user: "restaurant_user".to_owned(),
            password: "restaurant_pass".into(),
            database: "restaurant_db".to_owned(),
            max_connections: 8,
        }
    }
}

/// How RabbitMQ is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rabbitmq {
    /// Name or address; several, separated by commas, are tried in turn ([`parse_hosts`]).
    #[serde(deserialize_with = "values::hosts")]
    pub host: String,
    /// TCP port.
    #[serde(deserialize_with = "values::port")]
    pub port: u16,
    /// User.
    #[serde(deserialize_with = "values::name")]
    pub user: String,
    /// Its password.
    #[serde(deserialize_with = "values::password")]
    pub password: SecretString,
    /// Virtual host.
    #[serde(deserialize_with = "values::text")]
    pub vhost: String,
}

impl Default for Rabbitmq {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5672,
            user: "guest".to_owned(),
            password: "guest".into(),
            vhost: "/".to_owned(),
        }
    }
}

/// How the order service answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// Whether an order is accepted (200) as soon as it is stored, and published
    /// when the broker is back.
    #[serde(deserialize_with = "values::switch")]
    pub accept_while_broker_down: bool,
    /// What the staff shows to cancel and complete orders; empty: nobody can.
    #[serde(deserialize_with = "values::key")]
    pub staff_key: SecretString,
    /// After this time an order that no worker took is looked for, and sent again if
    /// its message is gone.
    #[serde(deserialize_with = "values::seconds")]
    pub resend_after: Duration,
}

impl Default for Order {
    fn default() -> Self {
        Self { accept_while_broker_down: false, staff_key: "".into(), resend_after: Duration::from_mins(1) }
    }
}

/// How the kitchen cooks.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kitchen {
    /// How long each type of order takes.
    pub cooking_seconds: CookingSeconds,
    /// An order that waits for longer goes before all others, however cheap it is.
    #[serde(deserialize_with = "values::seconds")]
    pub max_wait: Duration,
}

impl Default for Kitchen {
    fn default() -> Self {
        Self { cooking_seconds: CookingSeconds::default(), max_wait: Duration::from_mins(15) }
    }
}

/// Cooking times, in the file in seconds, fractions allowed.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookingSeconds {
    /// For orders at a table.
    #[serde(deserialize_with = "values::seconds")]
    pub dine_in: Duration,
    /// For orders over the counter.
    #[serde(deserialize_with = "values::seconds")]
    pub takeout: Duration,
    /// For orders by courier.
    #[serde(deserialize_with = "values::seconds")]
    pub delivery: Duration,
}

impl Default for CookingSeconds {
    fn default() -> Self {
        Self {
            dine_in: Duration::from_secs(8),
            takeout: Duration::from_secs(10),
            delivery: Duration::from_secs(12),
        }
    }
}

/// Where HTTP services listen, and to whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address; the port is a flag. `::` stands for all addresses of both families.
    #[serde(deserialize_with = "values::address")]
    pub bind: std::net::IpAddr,
    /// Most open connections; 0: as many as fit the memory limit.
    #[serde(deserialize_with = "values::count")]
    pub max_connections: usize,
    /// Most open connections of one peer address; 0: half of all.
    #[serde(deserialize_with = "values::count")]
    pub max_connections_per_address: usize,
    /// Memory that the service may use, in MiB; 0: its container's limit, or the machine's memory.
    #[serde(deserialize_with = "values::count")]
    pub memory_limit_mib: usize,
    /// Web pages of other sites that may use the service.
    #[serde(deserialize_with = "values::origins")]
    pub allowed_origins: Origins,
    /// Names under which the service may be called, beside `localhost`, addresses, and the hosts of
    /// allowed origins. None: any name, on a loopback address none.
    #[serde(deserialize_with = "values::host_names")]
    pub allowed_hosts: HostNames,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            bind: std::net::Ipv4Addr::LOCALHOST.into(),
            max_connections: 0,
            max_connections_per_address: 0,
            memory_limit_mib: 0,
            allowed_origins: Origins::default(),
            allowed_hosts: HostNames::default(),
        }
    }
}

/// What is logged.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `debug`, `info` or `error`: lines below it are not written.
    #[serde(deserialize_with = "values::level")]
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "debug".to_owned() }
    }
}

/// How services stop.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// Longest time from the signal to the end of the process. Whoever sends the signal must wait
    /// for longer before he kills the process.
    #[serde(deserialize_with = "values::grace")]
    pub grace_seconds: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        // Compose's files of this project and Kubernetes kill after 30 s.
        Self { grace_seconds: Duration::from_secs(25) }
    }
}

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
        why: serde_yaml::Error,
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
}

/// Most characters of what the parser says: it repeats what it does not understand, at any length.
const MAX_SAID: usize = 1_000;

/// What the parser says, and where. It leaves out the place when it is the very first character.
fn located(why: &serde_yaml::Error) -> String {
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
    /// Whatever cannot be read or understood, with the key and the place.
    pub fn load(path: Option<PathBuf>) -> Result<Self, ConfigError> {
        let mut config = file::read(path)?;
        environment::apply(&mut config, &|name| std::env::var_os(name))?;
        Ok(config)
    }

    /// Reads the same, and tells of every key what it is and where it comes from.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with_origins(path: Option<PathBuf>) -> Result<(Self, Vec<Setting>), ConfigError> {
        let in_file = file::keys(path.clone())?;
        let config = Self::load(path)?;
        let settings = origin::settings(&config, &in_file, &|name| std::env::var_os(name));
        Ok((config, settings))
    }
}
