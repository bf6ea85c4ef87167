//! A private Redis server without persistence, for the bench: something to be compared with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::private_server::{PrivateServer, Running, ServerKind, folder_at, one_port, wait_until};
use crate::process::OwnedProcess;
use crate::search::{absolute, folder_with, libraries_in};
use crate::{Error, ProcessGuard, tool};

const VERSION_LIMIT: Duration = Duration::from_secs(10);
const READY_LIMIT: Duration = Duration::from_secs(15);

/// The program.
#[derive(Clone, Debug)]
pub struct RedisProgram {
    program: PathBuf,
    /// The library folders of unpacked packages, for the dynamic linker.
    libraries: Option<OsString>,
}

impl RedisProgram {
    /// The name of the program and of its package.
    pub(crate) const NAME: &str = "redis-server";

    /// The system's program, or the one unpacked in `packages`, if it can be run.
    pub(crate) async fn find(packages: &Path) -> Option<Self> {
        let unpacked = absolute(packages).join(Self::NAME);
        let of_packages =
            Self { program: unpacked.join("usr/bin").join(Self::NAME), libraries: libraries_in(&unpacked) };
        let of_system =
            folder_with(Self::NAME).map(|folder| Self { program: folder.join(Self::NAME), libraries: None });
        for found in of_system.into_iter().chain([of_packages]) {
            if found.version().await.is_ok() {
                return Some(found);
            }
        }
        None
    }

    /// What it says of itself, such as `Redis server v=7.0.15 …`.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn version(&self) -> Result<String, Error> {
        let mut command = self.command();
        command.arg("--version");
        tool::run(command.into(), VERSION_LIMIT).await
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(tool::clean_environment());
        command.envs(self.libraries.iter().map(|libraries| ("LD_LIBRARY_PATH", libraries)));
        command
    }
}

/// A running private Redis server.
pub type PrivateRedis = PrivateServer<Redis>;

/// What a Redis server is started with.
#[derive(Debug)]
pub struct Redis {
    program: RedisProgram,
    folder: PathBuf,
    guard: Option<ProcessGuard>,
}

impl PrivateRedis {
    /// Starts a server with its log in `folder`. It keeps nothing.
    ///
    /// # Errors
    /// It did not start. The error has the end of its log, if there is one.
    pub async fn start(
        program: &RedisProgram,
        folder: &Path,
        guard: Option<&ProcessGuard>,
    ) -> Result<Self, Error> {
        let (program, folder, guard) = (program.clone(), folder_at(folder)?, guard.cloned());
        Self::launch(Redis { program, folder, guard }).await
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports
    }
}

impl ServerKind for Redis {
    const NAME: &str = "Redis";
    const LOG: &str = "redis.log";
    const STOP: Signal = Signal::TERM;
    const STOP_LIMIT: Duration = Duration::from_secs(5);
    type Ports = u16;

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn claim_ports(&self, _: bool) -> Result<(u16, Vec<PortClaim>), Error> {
        one_port(0)
    }

    async fn launch(&mut self, port: u16, log: &LogFile) -> Result<Running, Error> {
        let mut command = self.program.command();
        command.current_dir(&self.folder).args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--port").arg(port.to_string());
        let mut server = OwnedProcess::spawn(command, log, self.guard.as_ref(), Self::STOP)?;
        wait_until(Self::NAME, &mut server, log, READY_LIMIT, async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await?;
        Ok(Running { server, helper: None })
    }
}
