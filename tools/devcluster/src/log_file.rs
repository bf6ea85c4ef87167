//! The log of a server, which is also the lock of its folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use crate::Error;

/// How long the processes of an earlier server may take to end.
const RELEASE_LIMIT: Duration = Duration::from_secs(15);
/// A log larger than this is truncated at the next start.
const SIZE_LIMIT: u64 = 16 << 20;
/// How much of the log's end is searched for an error, and how many lines of it are shown.
const TAIL_BYTES: u64 = 256 << 10;
const TAIL_LINES: usize = 12;
const LINE_LIMIT: usize = 300;
/// What servers write if another process has their port.
const PORT_TAKEN: [&str; 3] = ["eaddrinuse", "dist_port_already_used", "Address already in use"];

/// An open, locked log. The process that writes it inherits it as its output, and with it the lock.
/// While that process or a child of it runs, even after its owner was killed, no other server can
/// start on the same data.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    start: u64,
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
        while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
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
        Ok(Self { path: path.to_owned(), file, start })
    }

    /// Its size when it was opened.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// A handle for a server's output.
    pub(crate) fn output(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(Error::file("write", &self.path))
    }

    /// The last lines written since it was opened, for an error text.
    pub(crate) fn tail(&self) -> String {
        last_lines(&self.end(), TAIL_LINES)
    }

    /// Whether the log says that another process has the port.
    pub(crate) fn tells_of_taken_port(&self) -> bool {
        let text = self.end();
        PORT_TAKEN.iter().any(|complaint| text.contains(complaint))
    }

    fn end(&self) -> String {
        read_end(&self.path, self.start).unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn read_end(path: &Path, start: u64) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(start.max(end.saturating_sub(TAIL_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
