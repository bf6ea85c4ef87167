//! The log of a server, which is also the lock of its folder.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Error;

/// How long the processes of an earlier server may take to end.
const RELEASE_LIMIT: Duration = Duration::from_secs(15);
/// A log larger than this is truncated at the next start.
const SIZE_LIMIT: u64 = 16 << 20;
/// How many lines of a log's end are shown in an error.
const TAIL_LINES: usize = 12;
const LINE_LIMIT: usize = 300;
/// What servers write if another process has their port.
const PORT_TAKEN: [&str; 4] =
    ["eaddrinuse", "dist_port_already_used", "Address already in use", "address already in use"];

/// What a process writes into a file, since its start.
#[derive(Clone, Debug)]
pub struct Log {
    path: PathBuf,
    /// The size of the file before the start.
    start: u64,
}

impl Log {
    /// The whole text. Bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        let bytes = fs::read(&self.path).unwrap_or_default();
        let start = usize::try_from(self.start).unwrap_or(0);
        String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned()
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last lines, for an error text.
    pub(crate) fn tail(&self) -> String {
        last_lines(&self.text(), TAIL_LINES)
    }

    /// Whether the log says that another process has the port.
    pub(crate) fn tells_of_taken_port(&self) -> bool {
        let text = self.text();
        PORT_TAKEN.iter().any(|complaint| text.contains(complaint))
    }
}

/// An open, locked log. The process that writes it inherits it as its output, and with it the lock.
/// While that process or a child of it runs, even after its owner was killed, no other server can
/// start on the same data.
#[derive(Debug)]
pub struct LogFile {
    pub(crate) log: Log,
    file: File,
}

impl LogFile {
    /// Opens the log, and waits until no earlier process holds it.
    ///
    /// # Errors
    /// The log cannot be written, or is held for too long.
    pub async fn claim(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(path).map_err(Error::file("write", path))?;
        let deadline = Instant::now() + RELEASE_LIMIT;
        while file.try_lock().is_err() {
            if Instant::now() > deadline {
                return Err(Error::InUse { log: path.to_owned() });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut start = file.metadata().map_err(Error::file("read", path))?.len();
        if start > SIZE_LIMIT {
            file.set_len(0).map_err(Error::file("write", path))?;
            start = 0;
        }
        Ok(Self { log: Log { path: path.to_owned(), start }, file })
    }

    /// A handle for a server's output.
    pub(crate) fn output(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(Error::file("write", &self.log.path))
    }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LINE_LIMIT) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// The last lines that are not blank. Long lines are cut.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.rev().take(count).map(shortened).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_skip_blank_ones() {
        assert_eq!(last_lines("a\n\nb\r\n\nc\n\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
        assert_eq!(last_lines(&"é".repeat(1000), 1).chars().count(), LINE_LIMIT + 1);
    }
}
