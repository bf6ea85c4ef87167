//! Fetches packages with apt, on Debian and its derivatives, and unpacks them into a project
//! folder.
//!
//! `apt-get install` would create a cluster, start both servers at every boot, and need root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

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
pub(super) async fn fetch(
    names: &[&str],
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    fs::create_dir_all(packages).map_err(Error::file("create the folder", packages))?;
    let packages = packages.canonicalize().map_err(Error::file("find", packages))?;
    let apt = Apt::prepare(packages.join("apt"))?;
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

/// Fetches a package of another release with all its dependencies, even those that the system has,
/// and unpacks it into its own folder. Its programs run with their own loader and libraries
/// (`search::loader_in`).
pub(super) async fn fetch_of_release(
    release: &str,
    name: &str,
    packages: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    fs::create_dir_all(packages).map_err(Error::file("create the folder", packages))?;
    let packages = packages.canonicalize().map_err(Error::file("find", packages))?;
    let sources = sources_of(release)?;
    let apt = Apt::prepare(packages.join("apt"))?.of_sources(&sources)?;
    progress(&format!("fetching {name} of {release} and what it needs"));
    apt.run(&["update"], progress).await?;
    apt.run(&["install", "--download-only", "--no-install-recommends", name], progress).await?;
    unpack(&apt.archives()?, &packages.join(name)).await?;
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
    fn prepare(folder: PathBuf) -> Result<Self, Error> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(Error::file("create the folder", path))?;
        }
        // In a file, because a command-line option cannot contain every path.
        let text = format!(
            "Dir::State::lists \"{0}/lists\";\nDir::Cache \"{0}/cache\";\nDir::Cache::archives \"{0}/cache/archives\";\n\
             Debug::NoLocking \"true\";\nAPT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\nAcquire::Retries \"3\";\n",
            folder.display()
        );
        let config = folder.join("apt.conf");
        fs::write(&config, text).map_err(Error::file("write", config))?;
        Ok(Self { folder })
    }

    /// The same, with only these sources, as if nothing was installed.
    fn of_sources(self, sources: &str) -> Result<Self, Error> {
        let folder = self.folder.join("sources");
        fs::create_dir_all(&folder).map_err(Error::file("create the folder", &folder))?;
        let file = folder.join("release.sources");
        fs::write(&file, sources).map_err(Error::file("write", &file))?;
        let config = self.folder.join("apt.conf");
        let text = fs::read_to_string(&config).map_err(Error::file("read", &config))?;
        let text = format!(
            "{text}Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{}\";\nDir::State::status \"/dev/null\";\n",
            folder.display()
        );
        fs::write(&config, text).map_err(Error::file("write", config))?;
        Ok(self)
    }

    async fn run(&self, arguments: &[&str], progress: &(dyn Fn(&str) + Sync)) -> Result<(), Error> {
        let mut command = Command::new("apt-get");
        command
            .args(["--quiet", "--assume-yes"])
            .args(arguments)
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|source| Error::Run { program: "apt-get".to_owned(), source })?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let mut complaints = Vec::new();
        let (mut fetched, mut told) = (0, Instant::now());
        let count = |_: &str| {
            fetched += 1;
            if told.elapsed() > NEWS_INTERVAL {
                progress(&format!("still fetching: file {fetched}"));
                told = Instant::now();
            }
        };
        let work = async {
            tokio::join!(
                each_line(output, "Get:", count),
                each_line(errors, "E:", |line| complaints.push(line.to_owned())),
            );
            child.wait().await
        };
        let program = format!("apt-get {}", arguments.join(" "));
        let Ok(status) = tokio::time::timeout(FETCH_LIMIT, work).await else {
            return Err(Error::TooSlow { program, limit: FETCH_LIMIT });
        };
        let status = status.map_err(|source| Error::Run { program: program.clone(), source })?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed { program, status, output: complaints.join("\n") })
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

/// Calls `act` with each line that starts with this text.
async fn each_line(source: Option<impl AsyncRead + Unpin>, start: &str, mut act: impl FnMut(&str)) {
    let Some(source) = source else { return };
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with(start) {
            act(&line);
        }
    }
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
