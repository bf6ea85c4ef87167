//! Programs of other languages that tests run: pinned in files of the project, and installed once
//! into a folder of the project.
//!
//! A folder is complete if it holds a copy of the file that pins it. So a change of the file, or an
//! installation that broke off, makes a new one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::install::lock;
use crate::search::{absolute, folder_with, search_path};
use crate::{Error, tool};

const LOOK_LIMIT: Duration = Duration::from_secs(20);
/// A slow connection needs this long.
const INSTALL_LIMIT: Duration = Duration::from_mins(20);
/// Asks a Python whether it can make environments, and is new enough.
const IS_USABLE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];
/// What says that a folder is complete, and for which file.
const COMPLETE: &str = "installed-for";

/// An environment of Python.
#[derive(Clone, Debug)]
pub struct PythonPackages(PathBuf);

impl PythonPackages {
    /// Installs what `requirements` pins into `folder`, with Python's own `venv` and `pip`.
    /// `progress` gets a line for each slow step.
    ///
    /// # Errors
    /// There is no Python 3.11 or newer with `venv`, or the packages cannot be fetched.
    pub async fn ensure(
        requirements: &Path,
        folder: &Path,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        let environment = absolute(folder);
        let _lock = lock(&environment).await?;
        let place = environment.join("environment");
        if !is_complete(&place, requirements) {
            remove(&place)?;
            let python = python().await?;
            progress(&format!("making a Python environment in {}", place.display()));
            let mut making = Command::new(python);
            making.arg("-m").arg("venv").arg(&place);
            tool::run(making, INSTALL_LIMIT).await?;
            progress("fetching Python packages");
            let mut installing = Command::new(place.join("bin/python"));
            installing.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
            installing.arg("--requirement").arg(requirements);
            tool::run(installing, INSTALL_LIMIT).await?;
            complete(&place, requirements)?;
        }
        Ok(Self(place))
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}

/// A Python that can make environments.
async fn python() -> Result<PathBuf, Error> {
    let found = search_path().flat_map(|folder| PYTHONS.map(|name| folder.join(name)));
    for python in found.filter(|path| path.is_file()) {
        let mut asking = Command::new(&python);
        asking.args(["-c", IS_USABLE]);
        if tool::run(asking, LOOK_LIMIT).await.is_ok() {
            return Ok(python);
        }
    }
    Err(Error::NotInstalled {
        what: "Python 3.11 or newer with its venv module".to_owned(),
        advice: "Install it with this system's package manager (Debian: 'apt-get install python3-venv', Fedora: 'dnf install python3', macOS: 'brew install python'), and try again.".to_owned(),
    })
}

/// Packages of npm.
#[derive(Clone, Debug)]
pub struct NpmPackages(PathBuf);

impl NpmPackages {
    /// Installs what the lock file in `project` pins into `folder`, without running scripts of the
    /// packages. `progress` gets a line for each slow step.
    ///
    /// # Errors
    /// There is no Node.js 20 or newer with npm, or the packages cannot be fetched.
    pub async fn ensure(
        project: &Path,
        folder: &Path,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        let folder = absolute(folder);
        let _lock = lock(&folder).await?;
        let pins = project.join("package-lock.json");
        if !is_complete(&folder, &pins) {
            let npm = npm().await?;
            for name in ["package.json", "package-lock.json"] {
                let copy = folder.join(name);
                fs::copy(project.join(name), &copy).map_err(Error::file("write", copy))?;
            }
            progress("fetching packages of npm");
            let mut installing = Command::new(npm);
            installing.current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
            tool::run(installing, INSTALL_LIMIT).await?;
            complete(&folder, &pins)?;
        }
        Ok(Self(folder))
    }

    /// The folder with `node_modules`.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// A program of a package.
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join("node_modules/.bin").join(name)
    }
}

/// npm, beside a Node.js that is new enough.
async fn npm() -> Result<PathBuf, Error> {
    let mut asking = Command::new("node");
    asking.args(["--print", "process.versions.node.split('.')[0]"]);
    let version = tool::run(asking, LOOK_LIMIT).await.ok().and_then(|text| text.trim().parse::<u32>().ok());
    let npm = folder_with("npm").map(|folder| folder.join("npm"));
    npm.filter(|_| version.is_some_and(|version| version >= 20)).ok_or_else(|| Error::NotInstalled {
        what: "Node.js 20 or newer with npm".to_owned(),
        advice: "Install both with this system's package manager (Debian: 'apt-get install nodejs npm', Fedora: 'dnf install nodejs', macOS: 'brew install node'), and try again.".to_owned(),
    })
}

fn is_complete(folder: &Path, pins: &Path) -> bool {
    match (fs::read(folder.join(COMPLETE)), fs::read(pins)) {
        (Ok(installed), Ok(wanted)) => installed == wanted,
        _ => false,
    }
}

fn complete(folder: &Path, pins: &Path) -> Result<(), Error> {
    let mark = folder.join(COMPLETE);
    fs::copy(pins, &mark).map(drop).map_err(Error::file("write", mark))
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", folder)(why)),
        _ => Ok(()),
    }
}
