//! The limits of containers, by cgroups (version 2), where this process may make some.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Deserializer, de};

/// Where cgroups of version 2 are.
const ROOT: &str = "/sys/fs/cgroup";
/// The period of a processor's time, in microseconds.
const PERIOD: f64 = 100_000.0;
/// It puts itself into the cgroup that comes first, and becomes the program that follows.
const ENTER: &str = r#"echo $$ >"$0"/cgroup.procs && exec "$@""#;

/// What a container may take.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Limits {
    /// Memory, in bytes.
    #[serde(deserialize_with = "bytes")]
    pub memory: u64,
    /// Processors.
    #[serde(deserialize_with = "number")]
    cpus: f64,
    /// Processes and threads.
    pids: u32,
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    String::deserialize(from)?.parse().map_err(de::Error::custom)
}

/// Such as `256M`, which Docker takes for 256 MiB.
fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    let (number, shift) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "K")) => (number, 10),
        Some((number, "M")) => (number, 20),
        Some((number, "G")) => (number, 30),
        _ => (text.as_str(), 0),
    };
    number.parse::<u64>().map(|number| number << shift).map_err(de::Error::custom)
}

/// A cgroup below our own. Dropping it removes it, and those in it, once no process is left in
/// them.
#[derive(Debug)]
pub struct Cgroups {
    folder: PathBuf,
}

impl Cgroups {
    /// Makes it.
    ///
    /// # Errors
    /// Why there are no limits: the machine has no cgroups of version 2, or this process may not
    /// make any.
    pub fn new() -> io::Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let own = own.ok_or_else(|| io::Error::other("there are no cgroups of version 2"))?;
        let own = Path::new(ROOT).join(own);
        if !own.join("cgroup.controllers").is_file() {
            return Err(io::Error::other("there are no cgroups of version 2"));
        }
        Self::below(&own)
    }

    fn below(own: &Path) -> io::Result<Self> {
        delegate(own)?;
        let groups = Self { folder: own.join(format!("restaurant-{}", std::process::id())) };
        fs::create_dir(&groups.folder)?;
        delegate(&groups.folder)?;
        Ok(groups)
    }

    /// A cgroup for a process, with these limits.
    ///
    /// # Errors
    /// The limits cannot be set.
    pub fn with(&self, name: &str, limits: &Limits) -> io::Result<PathBuf> {
        let group = self.folder.join(name);
        fs::create_dir(&group)?;
        set(&group.join("memory.max"), &limits.memory.to_string())?;
        set(&group.join("pids.max"), &limits.pids.to_string())?;
        // A machine without this controller limits less.
        let cpus = format!("{:.0} {PERIOD:.0}", limits.cpus * PERIOD);
        let _ = set(&group.join("cpu.max"), &cpus);
        Ok(group)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let inner = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for group in inner.filter(|path| path.is_dir()).chain([self.folder.clone()]) {
            // A process that has not ended keeps it.
            let _ = fs::remove_dir(group);
        }
    }
}

/// Lets the cgroups below this one have limits.
fn delegate(group: &Path) -> io::Result<()> {
    let path = group.join("cgroup.subtree_control");
    let _ = set(&path, "+cpu");
    let handed = fs::read_to_string(&path)?;
    if ["memory", "pids"].iter().all(|name| handed.split_whitespace().any(|word| word == *name)) {
        return Ok(());
    }
    set(&path, "+memory +pids")
}

/// Writes into a file that is there.
fn set(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

/// The command that starts a program in a cgroup, if there is one. It is in it from its first
/// moment: it computes from its limit how many connections it holds.
pub fn command_in(group: Option<&Path>, program: &Path) -> Command {
    let Some(group) = group else { return Command::new(program) };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", ENTER]).arg(group).arg(program);
    command
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let limits: Limits = serde_yaml::from_str(r#"{ cpus: "0.5", memory: 256M, pids: 256 }"#).unwrap();
        assert_eq!(limits, Limits { memory: 256 << 20, cpus: 0.5, pids: 256 });
        for wrong in [r#"{ cpus: "x", memory: 1, pids: 1 }"#, r#"{ cpus: "1", memory: lots, pids: 1 }"#] {
            assert!(serde_yaml::from_str::<Limits>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_the_right_to_make_cgroups_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        Cgroups::below(folder.path()).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_program_enters_its_cgroup_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command_in(Some(folder.path()), Path::new("/bin/sh"));
        let output = command.args(["-c", "echo $$ $0", "word"]).output().unwrap();
        let entered = fs::read_to_string(folder.path().join("cgroup.procs")).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{} word\n", entered.trim()));
    }
}
