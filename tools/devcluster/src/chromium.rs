//! Chromium and its driver, for tests of the pages: found on this machine, or fetched.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::log_file::LogFile;
use crate::ports::PortClaim;
use crate::private_server::{PrivateServer, Running, ServerKind, folder_at, one_port, wait_until};
use crate::process::OwnedProcess;
use crate::search::{absolute, folder_with, folders_like, libraries_in};
use crate::{Error, ProcessGuard, tool};

const VERSION_LIMIT: Duration = Duration::from_secs(20);
const READY_LIMIT: Duration = Duration::from_secs(30);
const DRIVER: &str = "chromedriver";
/// Debian's program itself, without the script that adds settings of the desktop.
const DEBIANS: &str = "usr/lib/chromium/chromium";
/// What it is called elsewhere.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const ON_MACOS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// A browser and the driver of the same version.
#[derive(Clone, Debug)]
pub struct ChromiumProgram {
    driver: PathBuf,
    browser: PathBuf,
    /// The folder of unpacked packages, if they are not the system's.
    unpacked: Option<PathBuf>,
}

impl ChromiumProgram {
    /// The package of the driver. It needs the browser of the same version.
    pub(crate) const PACKAGE: &str = "chromium-driver";

    /// The system's programs, or those unpacked in `packages`, if they can be run and belong
    /// together.
    pub(crate) async fn find(packages: &Path) -> Option<Self> {
        let unpacked = absolute(packages).join(Self::PACKAGE);
        let of_packages = Self {
            driver: unpacked.join("usr/bin").join(DRIVER),
            browser: unpacked.join(DEBIANS),
            unpacked: Some(unpacked),
        };
        for found in Self::of_system().into_iter().chain([of_packages]) {
            let versions = (found.version(&found.driver).await, found.version(&found.browser).await);
            if let (Some(driver), Some(browser)) = versions
                && driver == browser
            {
                return Some(found);
            }
        }
        None
    }

    fn of_system() -> Option<Self> {
        let driver = folder_with(DRIVER)?.join(DRIVER);
        let named = BROWSERS.into_iter().filter_map(|name| Some(folder_with(name)?.join(name)));
        let debians = Path::new("/").join(DEBIANS);
        let mut all = [debians].into_iter().chain(named).chain(ON_MACOS.map(PathBuf::from));
        let browser = all.find(|browser| browser.is_file())?;
        Some(Self { driver, browser, unpacked: None })
    }

    /// The browser's program.
    pub fn browser(&self) -> &Path {
        &self.browser
    }

    /// The major version that a program says, in a text such as `Chromium 156.0.8078.114`.
    async fn version(&self, program: &Path) -> Option<u32> {
        let mut command = self.command(program);
        command.arg("--version");
        let text = tool::run(command.into(), VERSION_LIMIT).await.ok()?;
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        number.split('.').next()?.parse().ok()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(tool::clean_environment());
        command.envs(self.unpacked.as_deref().and_then(libraries).map(|all| ("LD_LIBRARY_PATH", all)));
        command
    }
}

/// The folders of unpacked libraries. Debian's `pulseaudio` libraries, without which Chromium does
/// not start, have one of their own below.
fn libraries(unpacked: &Path) -> Option<OsString> {
    let usual = libraries_in(unpacked)?;
    let folders = std::env::split_paths(&usual).chain(folders_like(unpacked.join("usr/lib/*/pulseaudio")));
    std::env::join_paths(folders).ok()
}

/// A running driver. It starts browsers, which end with it.
pub type PrivateChromedriver = PrivateServer<Chromedriver>;

/// What a driver is started with.
#[derive(Debug)]
pub struct Chromedriver {
    program: ChromiumProgram,
    folder: PathBuf,
    guard: Option<ProcessGuard>,
}

impl PrivateChromedriver {
    /// Starts a driver with its log in `folder`, where its browsers may write, too.
    ///
    /// # Errors
    /// It did not start. The error has the end of its log, if there is one.
    pub async fn start(
        program: &ChromiumProgram,
        folder: &Path,
        guard: Option<&ProcessGuard>,
    ) -> Result<Self, Error> {
        let (program, folder, guard) = (program.clone(), folder_at(folder)?, guard.cloned());
        Self::launch(Chromedriver { program, folder, guard }).await
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports
    }
}

impl Chromedriver {
    /// Fonts that were unpacked are not where the system looks for them.
    fn fonts(&self) -> Result<Option<PathBuf>, Error> {
        let Some(unpacked) = &self.program.unpacked else { return Ok(None) };
        let file = self.folder.join("fonts.conf");
        let text = format!(
            "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"fonts.dtd\"><fontconfig>\
             <dir>/usr/share/fonts</dir><dir>{}</dir><cachedir>{}</cachedir></fontconfig>\n",
            unpacked.join("usr/share/fonts").display(),
            self.folder.join("fonts").display()
        );
        fs::write(&file, text).map_err(Error::file("write", &file))?;
        Ok(Some(file))
    }
}

impl ServerKind for Chromedriver {
    const NAME: &str = "chromedriver";
    const LOG: &str = "chromedriver.log";
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
        let mut command = self.program.command(&self.program.driver);
        command.arg(format!("--port={port}")).env("HOME", &self.folder).env("TMPDIR", &self.folder);
        command.envs(self.fonts()?.map(|file| ("FONTCONFIG_FILE", file)));
        let mut server = OwnedProcess::spawn(command, log, self.guard.as_ref(), Self::STOP)?;
        wait_until(Self::NAME, &mut server, log, READY_LIMIT, async || {
            TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await?;
        Ok(Running { server, helper: None })
    }
}
