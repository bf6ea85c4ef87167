//! `broker-users`: makes a user of RabbitMQ for each service, and for the exporter.

mod management;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use bus::permissions::{self, Permissions};
use config::{Config, TlsMode};
use db::roles;
use domain::ServerUser;
use runtime::exit::failed;
use runtime::retry::{Policy, retry};
use runtime::{Console, Exit, FailedAttempt, Shutdown, with_causes};
use secrecy::SecretString;

use self::management::{Management, ManagementError};

/// Makes a user of RabbitMQ for each service (`<database>_order`, `_kitchen`, `_notifier`) and for
/// the exporter (`_exporter`) with the permissions it needs and no others, or corrects them. It
/// makes the virtual host `rabbitmq.vhost` as well if there is none, and says so. It asks the
/// management plugin, as the administrator that `rabbitmq.user` names, over TLS if `rabbitmq.tls`
/// says so.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "broker-users")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// port of RabbitMQ's management plugin (default 15671 over TLS, 15672 without). The passwords
    /// are those of `ORDER_RABBITMQ_PASSWORD`, `KITCHEN_RABBITMQ_PASSWORD`,
    /// `NOTIFIER_RABBITMQ_PASSWORD` and `EXPORTER_RABBITMQ_PASSWORD`, or of the files that the same
    /// names with `_FILE` name
    #[argh(option)]
    management_port: Option<u16>,
    /// longest time to wait for RabbitMQ, in seconds (default 30)
    #[argh(option, default = "30")]
    wait: u64,
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
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(why.to_string()))?;
    let users = users(&config.database.database)?;
    let management = Management::new(&config.rabbitmq, arguments.management_port);
    if config.rabbitmq.tls == TlsMode::Disable {
        warn_of_readers(&config.rabbitmq.host, management.port());
    }
    let policy = Policy::for_server().within(Duration::from_secs(arguments.wait));
    let report = |why: &ManagementError, failed: FailedAttempt| {
        if failed.retry_in.is_some() {
            eprintln!("{}; trying again", with_causes(why));
        }
    };
    // A signal ends the process, not the wait.
    let never = Shutdown::new();
    let console = Console::new();
    let is_new =
        retry(policy.clone(), &never, || management.ensure_vhost(), ManagementError::may_pass, report).await;
    if is_new.map_err(|why| failed(&why))? {
        console.print(&format!("Virtual host {} was made.", config.rabbitmq.vhost));
    }
    let made =
        retry(policy, &never, || management.ensure_users(&users), ManagementError::may_pass, report).await;
    made.map_err(|why| failed(&why))?;
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
        match config::secret(&variable).map_err(|why| Exit::Config(why.to_string()))? {
            Some(password) => users.push(User { of, name: roles::name(database, of), password, may }),
            None => missing.push(variable),
        }
    }
    if missing.is_empty() {
        return Ok(users);
    }
    let missing = missing.join(", ");
    Err(Exit::Config(format!(
        "there is no password in {missing}: set each, or name a file in its twin with _FILE"
    )))
}

/// Without TLS, whoever is on the way reads the passwords.
fn warn_of_readers(hosts: &str, port: u16) {
    let exposed = beyond_this_machine(hosts, port);
    if !exposed.is_empty() {
        eprintln!(
            "The administrator's password and the new ones go to {}, port {port}, without encryption: set rabbitmq.tls (RABBITMQ_TLS), \
             or run this on RabbitMQ's own machine",
            exposed.join(", "),
        );
    }
}

/// The hosts of this setting that are reached over a network. A name is, unless it is `localhost`.
fn beyond_this_machine(setting: &str, port: u16) -> Vec<String> {
    let is_here =
        |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let hosts = config::parse_hosts(setting, port).unwrap_or_default();
    hosts.into_iter().map(|(host, _)| host).filter(|host| !is_here(host)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
