//! `broker-users`: makes a user of RabbitMQ for each service, and for the exporter.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bus::permissions::{self, Permissions};
use config::Config;
use db::roles;
use domain::ServerUser;
use runtime::exit::failed;
use runtime::http_client::{Request, Response, send_to};
use runtime::retry::{Policy, retry};
use runtime::{Console, Exit, FailedAttempt, Shutdown, with_causes};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::NAME;

/// Time for one request, and for looking up one name.
const LIMIT: Duration = Duration::from_secs(10);

/// Makes a user of RabbitMQ for each service (`<database>_order`, `_kitchen`, `_notifier`) and for
/// the exporter (`_exporter`) with the permissions it needs and no others, or corrects them. It
/// asks the management plugin, as the administrator that `rabbitmq.user` names.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "broker-users")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// port of RabbitMQ's management plugin, without TLS (default 15672). The passwords are those
    /// of `ORDER_RABBITMQ_PASSWORD`, `KITCHEN_RABBITMQ_PASSWORD`, `NOTIFIER_RABBITMQ_PASSWORD` and
    /// `EXPORTER_RABBITMQ_PASSWORD`, or of the files that the same names with `_FILE` name
    #[argh(option, default = "15672")]
    management_port: u16,
    /// longest time to wait for RabbitMQ, in seconds (default 30)
    #[argh(option, default = "30")]
    wait: u64,
}

/// Why RabbitMQ has not done what was asked.
#[derive(Debug, thiserror::Error)]
enum ManagementError {
    #[error("RabbitMQ's management plugin cannot be reached at {address}")]
    Unreachable { address: String, source: std::io::Error },
    #[error(
        "RabbitMQ's management plugin refuses '{request}' ({status}). Check that rabbitmq.user (RABBITMQ_USER) is an administrator, and \
         its password"
    )]
    Refused { request: String, status: u16 },
}

impl ManagementError {
    /// Whether it may pass: the server is not there yet, or starts.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
        }
    }
}

/// A user to make.
struct User {
    of: ServerUser,
    name: String,
    password: SecretString,
    may: Permissions,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(format!("{NAME}: {why}")))?;
    let users = users(&config.database.database)?;
    let management = Management { settings: &config.rabbitmq, port: arguments.management_port };
    let exposed = beyond_this_machine(&config.rabbitmq.host, management.port);
    if !exposed.is_empty() {
        eprintln!(
            "The administrator's password and the new ones go to {}, port {}, without encryption: use a network that you trust, or \
             run this on RabbitMQ's own machine",
            exposed.join(", "),
            management.port
        );
    }
    let policy = Policy::for_server().within(Duration::from_secs(arguments.wait));
    let report = |why: &ManagementError, failed: FailedAttempt| {
        if failed.retry_in.is_some() {
            eprintln!("{}; trying again", with_causes(why));
        }
    };
    // A signal ends the process, not the wait.
    let never = Shutdown::new();
    let made = retry(policy, &never, || management.ensure(&users), ManagementError::may_pass, report).await;
    made.map_err(|why| failed(&why))?;
    let console = Console::new();
    for user in &users {
        console.print(&format!("User {} has the permissions of {}.", user.name, user.of.title()));
    }
    Ok(())
}

/// Those that use RabbitMQ, with their passwords.
fn users(database: &str) -> Result<Vec<User>, Exit> {
    let (mut users, mut missing) = (Vec::new(), Vec::new());
    for of in ServerUser::ALL {
        let Some(may) = permissions::of(of) else { continue };
        let variable = format!("{}_RABBITMQ_PASSWORD", of.short_name().to_uppercase());
        match config::secret(&variable).map_err(|why| Exit::Config(format!("{NAME}: {why}")))? {
            Some(password) => users.push(User { of, name: roles::name(database, of), password, may }),
            None => missing.push(variable),
        }
    }
    if missing.is_empty() {
        return Ok(users);
    }
    let missing = missing.join(", ");
    Err(Exit::Config(format!(
        "{NAME}: there is no password in {missing}: set each, or name a file in its twin with _FILE"
    )))
}

/// RabbitMQ's management plugin.
struct Management<'a> {
    settings: &'a config::Rabbitmq,
    port: u16,
}

impl Management<'_> {
    /// Makes the virtual host and the users. It can be repeated.
    async fn ensure(&self, users: &[User]) -> Result<(), ManagementError> {
        let vhost = segment(&self.settings.vhost);
        self.put(&format!("/api/vhosts/{vhost}"), None).await?;
        for User { of, name, password, may } in users {
            let name = segment(name);
            // The exporter's user may also read RabbitMQ's own figures, and scale the workers.
            let tags = if *of == ServerUser::Exporter { "monitoring" } else { "" };
            let account = json!({"password": password.expose_secret(), "tags": tags}).to_string();
            self.put(&format!("/api/users/{name}"), Some(&account)).await?;
            let may = json!({"configure": may.configure, "write": may.write, "read": may.read}).to_string();
            self.put(&format!("/api/permissions/{vhost}/{name}"), Some(&may)).await?;
        }
        Ok(())
    }

    async fn put(&self, path: &str, body: Option<&str>) -> Result<(), ManagementError> {
        let login = format!("{}:{}", self.settings.user, self.settings.password.expose_secret());
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(login));
        let headers = [("Authorization", authorization.as_str())];
        let response = self.send(&Request { method: "PUT", path, headers: &headers, body }).await?;
        if (200..300).contains(&response.status) {
            return Ok(());
        }
        Err(ManagementError::Refused { request: format!("PUT {path}"), status: response.status })
    }

    /// Asks the first address that answers.
    async fn send(&self, request: &Request<'_>) -> Result<Response, ManagementError> {
        let hosts = config::parse_hosts(&self.settings.host, self.port).unwrap_or_default();
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for (host, _) in hosts {
            let found = timeout(LIMIT, lookup_host((host.as_str(), self.port))).await;
            let addresses = match found.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())) {
                Ok(addresses) => addresses,
                Err(why) => {
                    last = why;
                    continue;
                }
            };
            for address in addresses {
                match send_to(address, request, LIMIT).await {
                    Ok(response) => return Ok(response),
                    Err(why) => last = why,
                }
            }
        }
        let address = format!("{}, port {}", self.settings.host, self.port);
        Err(ManagementError::Unreachable { address, source: last })
    }
}

/// The hosts of this setting that are reached over a network. A name is, unless it is `localhost`.
fn beyond_this_machine(setting: &str, port: u16) -> Vec<String> {
    let is_here =
        |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let hosts = config::parse_hosts(setting, port).unwrap_or_default();
    hosts.into_iter().map(|(host, _)| host).filter(|host| !is_here(host)).collect()
}

/// A name as one segment of a path (RFC 3986, section 2.1): `/` becomes `%2F`.
fn segment(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(segment("/"), "%2F");
        assert_eq!(segment("restaurant_db_order"), "restaurant_db_order");
        assert_eq!(segment("é?a"), "%C3%A9%3Fa");
    }

    #[test]
    fn only_this_machine_is_reached_without_a_network() {
        assert_eq!(beyond_this_machine("localhost,127.0.0.1:5672,[::1]:5672,127.1.2.3", 1), [""; 0]);
        assert_eq!(beyond_this_machine("rabbitmq,127.0.0.1,10.0.0.7:5671", 1), ["rabbitmq", "10.0.0.7"]);
    }

    #[test]
    fn missing_passwords_are_named() {
        let Err(Exit::Config(said)) = users("db") else { panic!("there are passwords") };
        for variable in ["ORDER_RABBITMQ_PASSWORD", "EXPORTER_RABBITMQ_PASSWORD"] {
            assert!(said.contains(variable), "{said}");
        }
        assert!(!said.contains("TRACKING"), "{said}");
    }
}
