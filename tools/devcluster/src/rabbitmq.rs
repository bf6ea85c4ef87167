//! A private RabbitMQ server with its management page, its own Erlang cookie and its own epmd.

mod admin;
mod console;
mod home;
mod readiness;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use runtime::password;
use rustix::process::Signal;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;

pub use admin::RabbitmqAdmin;
pub use console::RabbitmqConsole;
use home::Home;
use readiness::{register_streams, settle, speaks_amqp, wait_until};

use crate::credentials::write_private;
use crate::log_file::LogFile;
use crate::plain_path::PlainPath;
use crate::ports::PortClaim;
use crate::process::OwnedProcess;
use crate::programs::RabbitmqPrograms;
use crate::{Credentials, Error, ProcessGuard, tool};

const NAME: &str = "RabbitMQ";
/// An address as host name needs no name resolution.
const NODE: &str = "restaurant@127.0.0.1";
const STOP_LIMIT: Duration = Duration::from_secs(20);
const EPMD_STOP_LIMIT: Duration = Duration::from_secs(2);
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// Another process may take a chosen port first.
const PORT_ATTEMPTS: u8 = 3;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct RabbitmqOptions {
    /// The preferred AMQP port; another one is chosen if it is taken. 0: any.
    pub port: u16,
    /// The preferred port of the management page and API. 0: any.
    pub management_port: u16,
    /// The administrator's name, used when the data is created.
    pub user: String,
    /// The administrator's password, used when the data is created. `None`: random.
    pub password: Option<SecretString>,
    /// Ends the server if its owner is killed.
    pub guard: Option<ProcessGuard>,
}

impl Default for RabbitmqOptions {
    fn default() -> Self {
        Self { port: 0, management_port: 0, user: "guest".to_owned(), password: None, guard: None }
    }
}

/// All ports of one server.
#[derive(Clone, Copy, Debug)]
struct Ports {
    amqp: u16,
    management: u16,
    distribution: u16,
    epmd: u16,
}

impl Ports {
    /// Claims free ports.
    fn claim(amqp: u16, management: u16) -> Result<(Self, [PortClaim; 4]), Error> {
        let claim = |wished| PortClaim::of(wished).map_err(Error::NoPort);
        let claims = [claim(amqp)?, claim(management)?, claim(0)?, claim(0)?];
        let [amqp, management, distribution, epmd] = claims.each_ref().map(PortClaim::port);
        Ok((Self { amqp, management, distribution, epmd }, claims))
    }
}

/// A running private server. Dropping it without [`PrivateRabbitmq::stop`] kills it.
#[derive(Debug)]
pub struct PrivateRabbitmq {
    node: Node,
    ports: Ports,
    _claims: [PortClaim; 4],
    admin: RabbitmqAdmin,
    guard: Option<ProcessGuard>,
    running: Running,
}

/// The parts of a server that restarts do not change.
#[derive(Debug)]
struct Node {
    folder: PathBuf,
    /// The folder under a path without special characters.
    plain: PlainPath,
    home: Home,
    credentials: Credentials,
}

/// Fields are dropped in sequence, so the server ends before epmd.
#[derive(Debug)]
struct Running {
    server: OwnedProcess,
    epmd: OwnedProcess,
}

impl PrivateRabbitmq {
    /// Starts a server on the data in `folder`, which is created if necessary, and waits until it
    /// serves.
    ///
    /// # Errors
    /// The server did not start. The error has the end of its log, if there is one.
    pub async fn start(
        programs: &RabbitmqPrograms,
        folder: &Path,
        options: RabbitmqOptions,
    ) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::file("create the folder", folder))?;
        let folder = folder.canonicalize().map_err(Error::file("find", folder))?;
        let plain = PlainPath::of(&folder)?;
        let home = Home::new(programs, &plain)?;
        let credentials = Credentials::load_or_store(
            &folder.join("credentials.json"),
            &options.user,
            options.password.as_ref(),
        )?;
        let node = Node { folder, plain, home, credentials };

        let (mut ports, mut claims) = Ports::claim(options.port, options.management_port)?;
        let mut attempts = 0;
        loop {
            let admin = RabbitmqAdmin::new(ports.management, node.credentials.clone());
            match launch(&node, ports, &admin, options.guard.as_ref()).await {
                Ok(running) => {
                    return Ok(Self { node, ports, _claims: claims, admin, guard: options.guard, running });
                }
                Err(Error::PortTaken { .. }) if attempts < PORT_ATTEMPTS => {
                    attempts += 1;
                    (ports, claims) = Ports::claim(0, 0)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the server as an administrator would. Kills it if that takes too long.
    pub async fn stop(&mut self) {
        if self.is_running() {
            self.node.forget_statistics(self.ports).await;
        }
        self.running.server.stop(Signal::TERM, STOP_LIMIT).await;
        self.running.epmd.stop(Signal::TERM, EPMD_STOP_LIMIT).await;
    }

    /// Kills the server, like a power cut.
    pub fn kill(&mut self) {
        self.running.server.kill();
        self.running.epmd.kill();
    }

    /// Restarts the server on the same ports and data. A running server is stopped first.
    ///
    /// # Errors
    /// Those of [`PrivateRabbitmq::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await;
        self.running = launch(&self.node, self.ports, &self.admin, self.guard.as_ref()).await?;
        Ok(())
    }

    /// Whether the server process runs.
    pub fn is_running(&mut self) -> bool {
        self.running.server.ended().is_none()
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.running.server.pid()
    }

    /// The AMQP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// The port of the management page and API on 127.0.0.1.
    pub fn management_port(&self) -> u16 {
        self.ports.management
    }

    /// The administrator.
    pub fn credentials(&self) -> &Credentials {
        &self.node.credentials
    }

    /// The settings with which a program reaches a virtual host, as administrator.
    pub fn settings(&self, vhost: &str) -> config::Rabbitmq {
        let Credentials { user, password } = self.credentials().clone();
        let (host, port, vhost) = ("127.0.0.1".to_owned(), self.port(), vhost.to_owned());
        config::Rabbitmq { host, port, user, password, vhost }
    }

    /// Creates and deletes virtual hosts.
    pub fn admin(&self) -> &RabbitmqAdmin {
        &self.admin
    }

    /// The path of the log.
    pub fn log(&self) -> PathBuf {
        log_in(&self.node.folder)
    }

    /// Evaluates Erlang in the server.
    pub fn console(&self) -> RabbitmqConsole {
        self.node.console(self.ports)
    }
}

impl Node {
    /// RabbitMQ 3.10 to 4 with management takes 5 s longer to stop than necessary: while the
    /// application stops, one of its event handlers calls the application controller, which is
    /// waiting for that handler. Without the handler it stops in one second.
    async fn forget_statistics(&self, ports: Ports) {
        let mut command = self.console(ports).call();
        command.args(["-timeout", "2", "-a"]);
        command.arg("gen_event delete_handler [rabbit_event,rabbit_mgmt_db_handler,[]]");
        // Optional: without it, stopping is only slower.
        let _ = tool::run(command, CALL_LIMIT).await;
    }

    fn console(&self, ports: Ports) -> RabbitmqConsole {
        RabbitmqConsole::new(&self.folder, self.plain.path(), &self.home, ports)
    }

    fn write_files(&self, ports: Ports) -> Result<(), Error> {
        let write = |name: &str, text: &str| {
            let path = self.folder.join(name);
            fs::write(&path, text).map_err(Error::file("write", path))
        };
        write("rabbitmq.conf", &settings::rabbitmq_conf(ports))?;
        write("enabled_plugins", "[rabbitmq_management].\n")?;
        write_private(&self.folder.join("advanced.config"), &settings::advanced_config(&self.credentials))?;
        let cookie = self.folder.join(".erlang.cookie");
        if !cookie.exists() {
            write_private(&cookie, password::random().expose_secret())?;
        }
        Ok(())
    }
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("rabbitmq.log")
}

/// Starts epmd and the server, and waits until the server serves.
async fn launch(
    node: &Node,
    ports: Ports,
    admin: &RabbitmqAdmin,
    guard: Option<&ProcessGuard>,
) -> Result<Running, Error> {
    let log = LogFile::claim(&log_in(&node.folder)).await?;
    node.home.make()?;
    node.write_files(ports)?;
    let environment = settings::environment(node.plain.path(), &node.home, ports);

    // Use a private epmd: the default one is shared by all Erlang programs of the machine, and
    // outlives them.
    let mut command = Command::new(node.home.erlang().join("epmd"));
    command
        .args(["-address", "127.0.0.1", "-port", &ports.epmd.to_string()])
        .env_clear()
        .envs(environment.clone());
    let mut epmd = OwnedProcess::spawn(command, &log, guard, Signal::TERM)?;
    wait_until("epmd", &mut epmd, &log, || async {
        TcpStream::connect(("127.0.0.1", ports.epmd)).await.is_ok()
    })
    .await?;

    let mut command = Command::new(node.home.start_script());
    command.current_dir(&node.folder).env_clear().envs(environment);
    let mut server = OwnedProcess::spawn(command, &log, guard, Signal::TERM)?;
    wait_until(NAME, &mut server, &log, || async { speaks_amqp(ports.amqp).await && admin.answers().await })
        .await?;
    settle(admin).await;
    register_streams(admin, &node.console(ports)).await;
    Ok(Running { server, epmd })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_another_takes_first_is_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let plain = PlainPath::of(folder.path()).unwrap();
        let packages = &crate::project::packages();
        crate::ensure_installed(&[crate::Server::Rabbitmq], packages, &|line| eprintln!("{line}"))
            .await
            .unwrap();
        let programs = RabbitmqPrograms::find(packages).unwrap();
        let node = Node {
            folder: folder.path().to_owned(),
            home: Home::new(&programs, &plain).unwrap(),
            plain,
            credentials: Credentials::load_or_store(&folder.path().join("credentials.json"), "guest", None)
                .unwrap(),
        };
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = held.local_addr().unwrap().port();
        let (free, _claims) = Ports::claim(0, 0).unwrap();
        for ports in [Ports { management: taken, ..free }, Ports { distribution: taken, ..free }] {
            let admin = RabbitmqAdmin::new(ports.management, node.credentials.clone());
            let outcome = launch(&node, ports, &admin, None).await;
            assert!(matches!(outcome, Err(Error::PortTaken { .. })), "{ports:?}: {outcome:?}");
        }
    }
}
