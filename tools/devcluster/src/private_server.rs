//! The life of a private server of any kind: its ports, its processes, and its readiness.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Error;
use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::process::OwnedProcess;

const POLL: Duration = Duration::from_millis(20);
/// A helper has nothing to write.
const HELPER_STOP_LIMIT: Duration = Duration::from_secs(2);
/// Another process may take a chosen port first.
const PORT_ATTEMPTS: u8 = 3;

/// What one kind of server needs besides: its files, its settings, its programs.
pub trait ServerKind: Debug {
    /// The server's name, for people.
    const NAME: &'static str;
    /// The name of the log in its folder.
    const LOG: &'static str;
    /// The signal with which an administrator would stop it.
    const STOP: Signal;
    /// Time for that, before the server is killed.
    const STOP_LIMIT: Duration;
    /// All ports of the server.
    type Ports: Copy + Debug;

    /// The folder with its data, which exists.
    fn folder(&self) -> &Path;

    /// Claims the preferred ports, or any.
    ///
    /// # Errors
    /// None is free.
    fn claim_ports(&self, preferred: bool) -> Result<(Self::Ports, Vec<PortClaim>), Error>;

    /// Starts the processes, and waits until the server serves.
    fn launch(&mut self, ports: Self::Ports, log: &LogFile) -> impl Future<Output = Result<Running, Error>>;

    /// Makes stopping faster, if there is something to do about it.
    fn before_stop(&self, _ports: Self::Ports) -> impl Future<Output = ()> {
        async {}
    }
}

/// The processes of a server. Fields are dropped in sequence, so the server ends before its helper.
#[derive(Debug)]
pub struct Running {
    pub(crate) server: OwnedProcess,
    pub(crate) helper: Option<OwnedProcess>,
}

/// A running private server. Dropping it without [`PrivateServer::stop`] kills it.
#[derive(Debug)]
pub struct PrivateServer<Kind: ServerKind> {
    pub(crate) kind: Kind,
    pub(crate) ports: Kind::Ports,
    claims: Vec<PortClaim>,
    running: Running,
}

impl<Kind: ServerKind> PrivateServer<Kind> {
    /// Starts a server on its preferred ports, or on others if they are taken.
    pub(crate) async fn launch(mut kind: Kind) -> Result<Self, Error> {
        let (mut ports, mut claims) = kind.claim_ports(true)?;
        let mut attempts = 0;
        let running = loop {
            match launch(&mut kind, ports).await {
                Err(Error::PortTaken { .. }) if attempts < PORT_ATTEMPTS => attempts += 1,
                launched => break launched?,
            }
            (ports, claims) = kind.claim_ports(false)?;
        };
        Ok(Self { kind, ports, claims, running })
    }

    /// Stops the server as an administrator would: everything is written. Kills it if that takes
    /// too long.
    pub async fn stop(&mut self) {
        if self.is_running() {
            self.kind.before_stop(self.ports).await;
        }
        self.running.server.stop(Kind::STOP, Kind::STOP_LIMIT).await;
        if let Some(helper) = &mut self.running.helper {
            helper.stop(Kind::STOP, HELPER_STOP_LIMIT).await;
        }
    }

    /// Kills the server, like a power cut.
    pub fn kill(&mut self) {
        self.running.server.kill();
        if let Some(helper) = &mut self.running.helper {
            helper.kill();
        }
    }

    /// Restarts the server on the same ports and data. A running server is stopped first.
    ///
    /// # Errors
    /// It did not start. The error has the end of its log, if there is one.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await;
        self.running = launch(&mut self.kind, self.ports).await?;
        Ok(())
    }

    /// Restarts the server on the same data and other free ports, like a server that takes over
    /// from another. A running server is stopped first.
    ///
    /// # Errors
    /// Those of [`PrivateServer::restart`].
    pub async fn restart_elsewhere(&mut self) -> Result<(), Error> {
        self.stop().await;
        (self.ports, self.claims) = self.kind.claim_ports(false)?;
        self.restart().await
    }

    /// Whether the server process runs.
    pub fn is_running(&mut self) -> bool {
        self.running.server.ended().is_none()
    }

    /// The process id of the main process.
    pub fn pid(&self) -> u32 {
        self.running.server.pid()
    }

    /// The path of the log.
    pub fn log(&self) -> PathBuf {
        log_of(&self.kind)
    }
}

fn log_of<Kind: ServerKind>(kind: &Kind) -> PathBuf {
    kind.folder().join(Kind::LOG)
}

async fn launch<Kind: ServerKind>(kind: &mut Kind, ports: Kind::Ports) -> Result<Running, Error> {
    let log = LogFile::claim(&log_of(kind)).await?;
    Box::pin(kind.launch(ports, &log)).await
}

/// The port of a server that has one: this, if it is free, else any (0: any).
///
/// # Errors
/// No port is free.
pub(crate) fn one_port(wished: u16) -> Result<(u16, Vec<PortClaim>), Error> {
    let claim = PortClaim::of(wished).map_err(Error::NoPort)?;
    Ok((claim.port(), vec![claim]))
}

/// Creates the folder of a server, and returns its path without links.
pub(crate) fn folder_at(path: &Path) -> Result<PathBuf, Error> {
    std::fs::create_dir_all(path).map_err(Error::file("create the folder", path))?;
    path.canonicalize().map_err(Error::file("find", path))
}

/// Waits until a process passes the check.
pub(crate) async fn wait_until(
    server: &'static str,
    process: &mut OwnedProcess,
    log: &LogFile,
    limit: Duration,
    is_ready: impl AsyncFn() -> bool,
) -> Result<(), Error> {
    let (deadline, log) = (Instant::now() + limit, &log.log);
    while !is_ready().await {
        let path = log.path().to_owned();
        match process.ended() {
            Some(_) if log.tells_of_taken_port() => return Err(Error::PortTaken { server, log: path }),
            Some(status) => return Err(Error::Ended { server, status, log: path, tail: log.tail() }),
            None if Instant::now() > deadline => {
                return Err(Error::NotReady { server, limit, log: path, tail: log.tail() });
            }
            None => tokio::time::sleep(POLL).await,
        }
    }
    Ok(())
}
