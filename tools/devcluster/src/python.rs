//! Python, for tests of the descriptions: found on this machine, or fetched.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::search::{absolute, libraries_in, search_path};
use crate::{Error, tool};

const LOOK_LIMIT: Duration = Duration::from_secs(20);
const MAKING_LIMIT: Duration = Duration::from_mins(2);
const NAMES: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];
/// Asks a Python whether the pinned packages are built for it, and whether it has these modules.
const HAS_MODULES: &str = "import sys, ssl, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))";
/// Asks for pip, too. Debian has it in a package of its own.
const HAS_PIP: &str = "import sys, ssl, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))";

/// A Python that can make environments.
#[derive(Clone, Debug)]
pub struct PythonProgram {
    program: PathBuf,
    /// Its installer of packages, if it has none of its own.
    pip: Option<PathBuf>,
    /// The library folders of unpacked packages, for the dynamic linker.
    libraries: Option<OsString>,
}

impl PythonProgram {
    /// The package that brings pip, and all of Python where it is missing.
    pub(crate) const PACKAGE: &str = "python3-venv";

    /// The system's program, or the one unpacked in `packages`, if it can be run. On a system that
    /// lacks only pip, that alone is unpacked.
    pub(crate) async fn find(packages: &Path) -> Option<Self> {
        let of_system: Vec<PathBuf> =
            search_path().flat_map(|folder| NAMES.map(|name| folder.join(name))).collect();
        for program in &of_system {
            let found = Self { program: program.clone(), pip: None, libraries: None };
            if found.answers(HAS_PIP).await {
                return Some(found);
            }
        }
        let unpacked = absolute(packages).join(Self::PACKAGE);
        let pip = Some(pip_in(&unpacked.join("usr/share/python-wheels"))?);
        let libraries = libraries_in(&unpacked);
        for program in [unpacked.join("usr/bin/python3")].into_iter().chain(of_system) {
            let found = Self { program, pip: pip.clone(), libraries: libraries.clone() };
            if found.answers(HAS_MODULES).await {
                return Some(found);
            }
        }
        None
    }

    async fn answers(&self, question: &str) -> bool {
        if !self.program.is_file() {
            return false;
        }
        let mut asking = self.command(&self.program);
        asking.args(["-c", question]);
        tool::run(asking, LOOK_LIMIT).await.is_ok()
    }

    /// Its version, and how it was built.
    pub(crate) async fn version(&self) -> Result<String, Error> {
        let mut asking = self.command(&self.program);
        asking.args(["-c", "import sys; print(sys.version)"]);
        tool::run(asking, LOOK_LIMIT).await
    }

    /// Makes an environment.
    pub(crate) async fn make_environment(&self, place: &Path) -> Result<(), Error> {
        let mut making = self.command(&self.program);
        making.args(["-m", "venv"]).args(self.pip.as_ref().map(|_| "--without-pip")).arg(place);
        tool::run(making, MAKING_LIMIT).await.map(drop)
    }

    /// pip of an environment that this Python made.
    pub(crate) fn pip(&self, environment: &Path) -> Command {
        let mut pip = self.command(&environment.join("bin/python"));
        match &self.pip {
            // Python runs what is in an archive.
            Some(archive) => pip.arg(archive.join("pip")),
            None => pip.args(["-m", "pip"]),
        };
        pip
    }

    /// A program of this Python, or of an environment that it made, without what the user's
    /// environment has for another one.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH");
        command.envs(self.libraries.iter().map(|libraries| ("LD_LIBRARY_PATH", libraries)));
        command
    }
}

/// The archive with pip in a folder of archives.
fn pip_in(folder: &Path) -> Option<PathBuf> {
    let mut archives = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    archives.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pip-")))
}
