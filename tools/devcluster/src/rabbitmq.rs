//! A private RabbitMQ server with its management page, its own Erlang cookie and its own epmd.

mod admin;
mod cluster;
mod console;
mod home;
mod readiness;
mod settings;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use runtime::password;
use rustix::process::Signal;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;

pub use admin::{RabbitmqAdmin, path_segment};
pub use cluster::{Membership, RabbitmqCluster};
pub use console::RabbitmqConsole;
use home::Home;
use readiness::{READY_LIMIT, register_streams, settle, speaks_amqp};

use crate::credentials::write_private;
use crate::log_file::LogFile;
use crate::plain_path::PlainPath;
use crate::ports::PortClaim;
use crate::private_server::{PrivateServer, Running, ServerKind, folder_at, wait_until};
use crate::process::OwnedProcess;
use crate::programs::RabbitmqPrograms;
use crate::{Credentials, Error, ProcessGuard, ServerTls, tool};

/// An address as host name needs no name resolution.
const NODE: &str = "restaurant@127.0.0.1";
const CALL_LIMIT: Duration = Duration::from_secs(3);

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
    /// Whether it shows its metrics to Prometheus, on a port of its own.
    pub shows_metrics: bool,
    /// With it, the server also speaks TLS, on a port of its own.
    pub tls: Option<RabbitmqTls>,
    /// With it, the server is a node of a cluster. Only a [`RabbitmqCluster`] gives it one.
    pub membership: Option<Membership>,
}

/// How a RabbitMQ server speaks TLS.
#[derive(Clone, Debug)]
pub struct RabbitmqTls {
    /// Its certificate.
    pub certificate: ServerTls,
    /// Whether a client must show a certificate.
    pub demands_certificate: bool,
}

impl Default for RabbitmqOptions {
    fn default() -> Self {
        Self {
            port: 0,
            management_port: 0,
            user: "guest".to_owned(),
            password: None,
            guard: None,
            shows_metrics: false,
            tls: None,
            membership: None,
        }
    }
}

/// All ports of one server.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    amqp: u16,
    amqps: u16,
    management: u16,
    management_over_tls: u16,
    distribution: u16,
    epmd: u16,
    metrics: u16,
}

/// A running private RabbitMQ server.
pub type PrivateRabbitmq = PrivateServer<Rabbitmq>;

/// What a RabbitMQ server is started with.
#[derive(Debug)]
pub struct Rabbitmq {
    folder: PathBuf,
    options: RabbitmqOptions,
    /// The folder under a path without special characters.
    plain: PlainPath,
    home: Home,
    admin: RabbitmqAdmin,
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
        Self::launch(Rabbitmq::new(programs, folder, options)?).await
    }

    /// The AMQP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// The port for AMQP over TLS on 127.0.0.1. Nothing listens there without a certificate.
    pub fn tls_port(&self) -> u16 {
        self.ports.amqps
    }

    /// Restarts the server with this certificate, or without TLS.
    ///
    /// # Errors
    /// Those of [`PrivateRabbitmq::start`].
    pub async fn restart_with_tls(&mut self, tls: Option<RabbitmqTls>) -> Result<(), Error> {
        self.kind.options.tls = tls;
        self.restart().await
    }

    /// Gives the running server another certificate: connections from now on see it. By itself
    /// RabbitMQ takes up to two minutes.
    ///
    /// # Errors
    /// The files cannot be written, or the server does not answer.
    pub async fn renew_tls(&mut self, tls: RabbitmqTls) -> Result<(), Error> {
        tls.certificate.copy_to(&self.kind.folder)?;
        self.kind.options.tls = Some(tls);
        self.console().evaluate("ssl:clear_pem_cache().").await.map(drop)
    }

    /// The port of the management page and API on 127.0.0.1.
    pub fn management_port(&self) -> u16 {
        self.ports.management
    }

    /// The port of the management page and API over TLS on 127.0.0.1. Nothing listens there without
    /// a certificate.
    pub fn management_tls_port(&self) -> u16 {
        self.ports.management_over_tls
    }

    /// The port on 127.0.0.1 where it answers `GET /metrics`, if it shows them.
    pub fn metrics_port(&self) -> Option<u16> {
        self.kind.options.shows_metrics.then_some(self.ports.metrics)
    }

    /// The administrator.
    pub fn credentials(&self) -> &Credentials {
        &self.kind.admin.credentials
    }

    /// The settings with which a program reaches a virtual host, as administrator.
    pub fn settings(&self, vhost: &str) -> config::Rabbitmq {
        let Credentials { user, password } = self.credentials().clone();
        let (host, port, vhost) = ("127.0.0.1".to_owned(), self.port(), vhost.to_owned());
        config::Rabbitmq { host, port, user, password, vhost, ..config::Rabbitmq::default() }
    }

    /// Creates and deletes virtual hosts.
    pub fn admin(&self) -> &RabbitmqAdmin {
        &self.kind.admin
    }

    /// Evaluates Erlang in the server.
    pub fn console(&self) -> RabbitmqConsole {
        self.kind.console(self.ports)
    }
}

impl Rabbitmq {
    fn new(programs: &RabbitmqPrograms, folder: &Path, options: RabbitmqOptions) -> Result<Self, Error> {
        let folder = folder_at(folder)?;
        let plain = PlainPath::of(&folder)?;
        let home = Home::new(programs, &plain)?;
        let credentials = Credentials::load_or_store(&folder, &options.user, options.password.as_ref())?;
        let admin = RabbitmqAdmin::new(options.management_port, credentials);
        Ok(Self { folder, options, plain, home, admin })
    }

    fn console(&self, ports: Ports) -> RabbitmqConsole {
        RabbitmqConsole::new(&self.node(), self.environment(ports), &self.home)
    }

    /// The name of its Erlang node.
    fn node(&self) -> String {
        self.options.membership.as_ref().map_or_else(|| NODE.to_owned(), Membership::node)
    }

    /// The environment of its programs.
    fn environment(&self, ports: Ports) -> Vec<(OsString, OsString)> {
        let is_member = self.options.membership.is_some();
        settings::environment(self.plain.path(), &self.home, ports, &self.node(), is_member)
    }

    /// Starts a private epmd: the default one is shared by all Erlang programs of the machine, and
    /// outlives them.
    async fn launch_epmd(&self, ports: Ports, log: &LogFile) -> Result<OwnedProcess, Error> {
        let mut command = Command::new(self.home.erlang.join("epmd"));
        command
            .args(["-address", "127.0.0.1", "-port", &ports.epmd.to_string()])
            .env_clear()
            .envs(self.environment(ports));
        let mut epmd = OwnedProcess::spawn(command, log, self.options.guard.as_ref(), Self::STOP)?;
        wait_until("epmd", &mut epmd, log, READY_LIMIT, async || {
            TcpStream::connect(("127.0.0.1", ports.epmd)).await.is_ok()
        })
        .await?;
        Ok(epmd)
    }

    fn write_files(&self, ports: Ports) -> Result<(), Error> {
        let write = |name: &str, text: &str| {
            let path = self.folder.join(name);
            fs::write(&path, text).map_err(Error::file("write", path))
        };
        let tls = self.options.tls.as_ref();
        if let Some(tls) = tls {
            tls.certificate.copy_to(&self.folder)?;
        }
        let encryption = tls.map(|tls| settings::encryption(tls, ports, self.plain.path()));
        let clustering = self.options.membership.as_ref().map(settings::clustering);
        let metrics = self.options.shows_metrics.then(|| settings::metrics(ports));
        let conf = settings::rabbitmq_conf(ports)
            + &encryption.unwrap_or_default()
            + &clustering.unwrap_or_default()
            + &metrics.unwrap_or_default();
        write("rabbitmq.conf", &conf)?;
        write("enabled_plugins", &settings::plugins(&self.options))?;
        let advanced = settings::advanced_config(&self.admin.credentials);
        write_private(&self.folder.join("advanced.config"), &advanced)?;
        let cookie = self.folder.join(".erlang.cookie");
        if !cookie.exists() {
            let shared = self.options.membership.as_ref().map(|membership| membership.cookie.clone());
            write_private(&cookie, shared.unwrap_or_else(password::random).expose_secret())?;
        }
        Ok(())
    }
}

impl ServerKind for Rabbitmq {
    const NAME: &str = "RabbitMQ";
    const LOG: &str = "rabbitmq.log";
    const STOP: Signal = Signal::TERM;
    const STOP_LIMIT: Duration = Duration::from_secs(20);
    type Ports = Ports;

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn claim_ports(&self, preferred: bool) -> Result<(Ports, Vec<PortClaim>), Error> {
        let claim = |wished| PortClaim::of(if preferred { wished } else { 0 }).map_err(Error::NoPort);
        let RabbitmqOptions { port, management_port, .. } = self.options;
        let any = || claim(0);
        let claims = [claim(port)?, claim(management_port)?, any()?, any()?, any()?, any()?, any()?];
        let [amqp, management, distribution, epmd, amqps, management_over_tls, metrics] =
            claims.each_ref().map(PortClaim::port);
        let epmd = self.options.membership.as_ref().map_or(epmd, |membership| membership.epmd);
        let ports = Ports { amqp, amqps, management, management_over_tls, distribution, epmd, metrics };
        Ok((ports, claims.into()))
    }

    async fn launch(&mut self, ports: Ports, log: &LogFile) -> Result<Running, Error> {
        self.admin.port = ports.management;
        self.home.make()?;
        self.write_files(ports)?;
        let is_member = self.options.membership.is_some();
        let epmd = if is_member { None } else { Some(self.launch_epmd(ports, log).await?) };

        let mut command = Command::new(self.home.path.join("sbin/rabbitmq-server"));
        command.current_dir(&self.folder).env_clear().envs(self.environment(ports));
        let mut server = OwnedProcess::spawn(command, log, self.options.guard.as_ref(), Self::STOP)?;
        wait_until(Self::NAME, &mut server, log, READY_LIMIT, async || {
            speaks_amqp(ports.amqp).await && self.admin.answers().await
        })
        .await?;
        settle(&self.admin).await;
        if !is_member {
            register_streams(&self.admin, &self.console(ports)).await;
        }
        Ok(Running { server, helper: epmd })
    }

    /// RabbitMQ 3.10 to 4 with management takes 5 s longer to stop than necessary: while the
    /// application stops, one of its event handlers calls the application controller, which is
    /// waiting for that handler. Without the handler it stops in one second.
    async fn before_stop(&self, ports: Ports) {
        let mut command = self.console(ports).call();
        command.args(["-timeout", "2", "-a"]);
        command.arg("gen_event delete_handler [rabbit_event,rabbit_mgmt_db_handler,[]]");
        // Optional: without it, stopping is only slower.
        let _ = tool::run(command, CALL_LIMIT).await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_another_takes_first_is_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let packages = &crate::project::packages();
        crate::ensure_installed(&[crate::Server::Rabbitmq], packages, &|line| eprintln!("{line}"))
            .await
            .unwrap();
        let programs = RabbitmqPrograms::find(packages).unwrap();
        let mut node = Rabbitmq::new(&programs, folder.path(), RabbitmqOptions::default()).unwrap();
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = held.local_addr().unwrap().port();
        let (free, _claims) = node.claim_ports(true).unwrap();
        for ports in [Ports { management: taken, ..free }, Ports { distribution: taken, ..free }] {
            // It holds only what was written since.
            let log = LogFile::claim(&folder.path().join(Rabbitmq::LOG)).await.unwrap();
            let outcome = node.launch(ports, &log).await;
            assert!(matches!(outcome, Err(Error::PortTaken { .. })), "{ports:?}: {outcome:?}");
        }
    }
}
