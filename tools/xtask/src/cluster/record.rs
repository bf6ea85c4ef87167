//! What runs where. The supervisor writes it for everything else: `status`, `demo`, and services
//! started by hand.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use runtime::shell;
use serde::{Deserialize, Serialize};

/// The phase of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not ready yet.
    Opening,
    /// Ready.
    Open,
    /// Stopping.
    Closing,
}

/// Everything that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The supervisor's process id.
    pub supervisor: u32,
    /// The phase of the cluster.
    pub phase: Phase,
    /// Servers and services.
    pub members: Vec<Member>,
    /// The order service's URL, such as `http://127.0.0.1:3000`.
    pub order_url: String,
    /// The tracking service's URL.
    pub tracking_url: String,
    /// RabbitMQ's management page, if it is known.
    pub management_url: Option<String>,
    /// Workers that others started on these servers, as seen when the end began.
    #[serde(default)]
    pub others: Vec<String>,
    /// Prometheus' pages, after `up --observe`.
    pub prometheus_url: Option<String>,
    /// Whether it was opened with `up --like-production`.
    #[serde(default)]
    pub like_production: bool,
}

/// A server or service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The process id, if it is our process and runs.
    pub pid: Option<u32>,
    /// The state, such as `running`.
    pub state: String,
    /// The address that it listens on, if any.
    pub address: Option<String>,
    /// The start of its process, in seconds since 1970.
    pub since: Option<u64>,
    /// The reason of its last end, if it does not keep running.
    pub trouble: Option<String>,
}

impl Member {
    /// Whether it should run but does not.
    pub fn is_down(&self) -> bool {
        self.state.starts_with("ended") || self.trouble.is_some()
    }
}

impl Record {
    /// The last record, if it can be read.
    pub fn read(path: impl AsRef<Path>) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
    }

    /// Replaces the record.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        write_whole(path, &serde_json::to_string_pretty(self)?)
    }
}

/// Replaces a file atomically, so that a reader sees either the old or the new text. Only its owner
/// can read it. The supervisor's lock allows one writer at a time.
pub fn write_whole(path: impl AsRef<Path>, text: &str) -> io::Result<()> {
    let unfinished = unfinished(&path);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    fs::rename(unfinished, path)
}

/// The name of a file while it is written. If the writer is killed, the next one reuses it.
pub fn unfinished(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().with_extension("new")
}

/// A shell variable: where it is set, [`shell_lines`] leave alone what is set already. A name that
/// nobody's shell has by accident.
pub const KEEPS_WHAT_IS_SET: &str = "restaurant_keeps_what_is_set";

/// Lines for a shell that set these variables. So a terminal that read the lines of an earlier
/// start gets those of this one.
pub fn shell_lines(variables: &[(&str, String)]) -> String {
    let lines = variables.iter().map(|(name, value)| {
        let kept = format!("${{{name}:+${{{KEEPS_WHAT_IS_SET}-}}}}");
        format!("[ -n \"{kept}\" ] || {name}={}; export {name}\n", shell::quoted(value))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_record_survives_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.json");
        assert_eq!(Record::read(&path), None);
        let member = Member {
            name: "order".to_owned(),
            pid: Some(1),
            state: "running".to_owned(),
            address: None,
            since: Some(2),
            trouble: None,
        };
        let record = Record {
            supervisor: 7,
            phase: Phase::Open,
            members: vec![member],
            order_url: "http://127.0.0.1:3000".to_owned(),
            tracking_url: "http://127.0.0.1:3002".to_owned(),
            management_url: None,
            others: vec!["chef_rosa".to_owned()],
            prometheus_url: None,
            like_production: true,
        };
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path), Some(record));
    }

    #[test]
    fn what_a_killed_writer_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        fs::write(unfinished(&path), "half of a longer text").unwrap();
        write_whole(&path, "text").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_shell_understands_the_lines() {
        let variables = ["A_A", "B_B", "C_C"].map(|name| (name, "it's \"$HOME\"".to_owned()));
        let lines = shell_lines(&variables);
        let shown = |before: &str| {
            let script = format!("set -eu\n{before}\n{lines}sh -c 'printf %s \"$A_A|$B_B|$C_C\"'");
            let mut shell = Command::new("sh");
            let output = shell.args(["-c", &script]).env("B_B", "mine").env("C_C", "").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(shown(""), ["it's \"$HOME\""; 3].join("|"));
        let kept = shown(&format!("{KEEPS_WHAT_IS_SET}=yes"));
        assert_eq!(kept, ["it's \"$HOME\"", "mine", "it's \"$HOME\""].join("|"));
    }
}
