//! Fetches packages with apt, on Debian and its derivatives, and unpacks them into a project
//! folder.
//!
//! `apt-get install` would create a cluster, start both servers at every boot, and need root.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::private_server::folder_at;
use crate::programs::ERLANG_ROOT;
use crate::search::folder_with;
use crate::{Error, tool};

/// A slow connection needs this long for 100 MB.
pub(super) const FETCH_LIMIT: Duration = Duration::from_mins(30);
/// Interval of the progress lines of a slow fetch.
const NEWS_INTERVAL: Duration = Duration::from_secs(3);
const UNPACK_LIMIT: Duration = Duration::from_mins(5);
/// PostgreSQL's query compiler. It is large, and loaded only if enabled.
const LEFT_OUT: &str = "libllvm";
/// The location that Debian's Erlang script assumes.
const INSTALLED_ERLANG: &str = "ROOTDIR=/usr/lib/erlang";

/// Whether this system has apt.
pub(super) fn is_here() -> bool {
    Path::new("/etc/debian_version").exists()
        && ["apt-get", "dpkg-deb"].iter().all(|tool| folder_with(tool).is_some())
}

/// Fetches packages with all dependencies that the system lacks, and unpacks each of them into its
/// own folder.
///
/// Packages of another release are fetched with all dependencies, even those that the system has.
/// Their programs run with their own loader and libraries (`search::loader_in`).
pub(super) async fn fetch(
    names: &[&str],
    release: Option<&str>,
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    let packages = folder_at(packages)?;
    let apt = Apt::prepare(packages.join("apt"), release)?;
    progress("fetching the lists of packages (apt-get update, in a folder of our own)");
    apt.run(&["update"], progress).await?;
    for name in names {
        progress(&format!("fetching {name} and what it needs"));
        apt.run(&["install", "--download-only", "--no-install-recommends", name], progress).await?;
        progress(&format!("unpacking {name}"));
        let archives = apt.archives()?;
        unpack(&archives, &packages.join(name)).await?;
        for archive in archives {
            fs::remove_file(&archive).map_err(Error::file("remove", archive))?;
        }
    }
    fs::remove_dir_all(&apt.folder).map_err(Error::file("remove", &apt.folder))
}

/// The system's package sources with another release, in the format of `*.sources`.
fn sources_of(release: &str) -> Result<String, Error> {
    let path = Path::new("/etc/apt/sources.list.d/debian.sources");
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let field = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    let suites = format!("Suites: {release}");
    let kept = [field("Types:"), field("URIs:"), suites, "Components: main".to_owned(), field("Signed-By:")];
    Ok(kept.join("\n") + "\n")
}

/// apt with its lists and archives in a project folder. It reads the system's sources, keys and
/// state, and writes none of them.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// With a release, only that one's packages are found, as if nothing was installed.
    fn prepare(folder: PathBuf, release: Option<&str>) -> Result<Self, Error> {
        for part in ["lists/partial", "cache/archives/partial", "sources"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(Error::file("create the folder", path))?;
        }
        // In a file, because a command-line option cannot contain every path.
        let place = folder.display();
        let mut text = format!(
            "Dir::State::lists \"{place}/lists\";\nDir::Cache \"{place}/cache\";\nDir::Cache::archives \"{place}/cache/archives\";\n\
             Debug::NoLocking \"true\";\nAPT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\nAcquire::Retries \"3\";\n",
        );
        if let Some(release) = release {
            let file = folder.join("sources/release.sources");
            fs::write(&file, sources_of(release)?).map_err(Error::file("write", file))?;
            text = format!(
                "{text}Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{place}/sources\";\nDir::State::status \"/dev/null\";\n",
            );
        }
        let config = folder.join("apt.conf");
        fs::write(&config, text).map_err(Error::file("write", config))?;
        Ok(Self { folder })
    }

    async fn run(&self, arguments: &[&str], progress: &(dyn Fn(&str) + Sync)) -> Result<(), Error> {
        let mut command = Command::new("apt-get");
        command
            .args(["--quiet", "--assume-yes"])
            .args(arguments)
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C");
        let telling = async {
            loop {
                tokio::time::sleep(NEWS_INTERVAL).await;
                let fetched =
                    ["lists/partial", "cache/archives"].map(|part| files_in(&self.folder.join(part)));
                progress(&format!("still fetching: file {}", fetched.iter().sum::<usize>()));
            }
        };
        let program = format!("apt-get {}", arguments.join(" "));
        let output = tokio::select! {
            output = tool::output(&program, "", command, FETCH_LIMIT) => output?,
            never = telling => never,
        };
        if output.status.success() {
            return Ok(());
        }
        let written = String::from_utf8_lossy(&output.stderr);
        let complaints: Vec<&str> = written.lines().filter(|line| line.starts_with("E:")).collect();
        Err(Error::Failed { program, status: output.status, output: complaints.join("\n") })
    }

    /// The fetched archives.
    fn archives(&self) -> Result<Vec<PathBuf>, Error> {
        let folder = self.folder.join("cache/archives");
        let mut archives = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::file("read", &folder))? {
            let path = entry.map_err(Error::file("read", &folder))?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                archives.push(path);
            }
        }
        Ok(archives)
    }
}

/// The number of files in a folder and in those within it.
fn files_in(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.map(|path| if path.is_dir() { files_in(&path) } else { 1 }).sum()
}

/// Unpacks under a temporary name first, so that an interrupted attempt is not taken for the
/// programs.
async fn unpack(archives: &[PathBuf], folder: &Path) -> Result<(), Error> {
    let unfinished = folder.with_extension("new");
    for old in [&unfinished, folder] {
        if old.exists() {
            fs::remove_dir_all(old).map_err(Error::file("remove", old))?;
        }
    }
    for archive in archives {
        if archive.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LEFT_OUT)) {
            continue;
        }
        let mut command = Command::new("dpkg-deb");
        command.arg("--extract").arg(archive).arg(&unfinished);
        tool::run(command, UNPACK_LIMIT).await?;
    }
    relocate_erlang(&unfinished)?;
    fs::rename(&unfinished, folder).map_err(Error::file("create", folder))
}

/// The script `erl` contains the path of its installation.
fn relocate_erlang(unpacked: &Path) -> Result<(), Error> {
    let script = unpacked.join("usr/lib/erlang/bin/erl");
    if !script.exists() {
        return Ok(());
    }
    let text = fs::read_to_string(&script).map_err(Error::file("read", &script))?;
    let text = text.replace(INSTALLED_ERLANG, &format!("ROOTDIR=\"${ERLANG_ROOT}\""));
    fs::write(&script, text).map_err(Error::file("write", &script))
}
