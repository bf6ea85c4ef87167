//! Merges several growing logs into one stream of readable lines.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use runtime::Console;
use tokio::time::sleep;

use crate::view::entry::{Entry, Line};
use crate::view::painter::{Speaker, paint};

/// The largest number of bytes read from one log at a time, so that a large log does not delay the
/// others.
const CHUNK: u64 = 1 << 20;
const PAUSE: Duration = Duration::from_millis(100);

/// A log file that is read as it grows.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    speaker: Speaker,
    file: Option<File>,
    unfinished: Vec<u8>,
    /// Complete lines that are not shown yet.
    waiting: VecDeque<String>,
    /// Whether the first of them has waited for the line after it.
    has_waited: bool,
    last_timestamp: String,
    /// Complaints of repeated attempts that were shown since the last other line.
    complaints: HashSet<String>,
}

impl Source {
    /// Reads from the start of the file. The file need not exist yet.
    pub fn new(path: PathBuf, speaker: Speaker) -> Self {
        Self {
            path,
            speaker,
            file: None,
            unfinished: Vec::new(),
            waiting: VecDeque::new(),
            has_waited: false,
            last_timestamp: String::new(),
            complaints: HashSet::new(),
        }
    }

    /// Reads what was written since the last call.
    fn read(&mut self) {
        // If the log cannot be read now, the next call tries again.
        let _ = self.read_on();
        if self.was_replaced() {
            self.file = None;
        }
        let Some(end) = self.unfinished.iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = self.unfinished.split_off(end + 1);
        let complete = std::mem::replace(&mut self.unfinished, rest);
        self.waiting.extend(String::from_utf8_lossy(&complete).lines().map(str::to_owned));
    }

    /// The next line and the time at which it was written. A line without a time, such as a
    /// notification, gets the time of the entry after it, for which it waits once.
    fn next(&mut self) -> Option<(String, Line)> {
        let line = Line::parse(self.waiting.front()?);
        if let Line::Entry(entry) = &line {
            self.last_timestamp.clone_from(&entry.timestamp);
        } else {
            let timestamp = self.waiting.iter().find_map(|line| Some(Entry::parse(line)?.timestamp));
            if timestamp.is_none() && !std::mem::replace(&mut self.has_waited, true) {
                return None;
            }
            self.last_timestamp = timestamp.unwrap_or_else(|| std::mem::take(&mut self.last_timestamp));
        }
        self.has_waited = false;
        self.waiting.pop_front();
        Some((self.last_timestamp.clone(), line))
    }

    /// Whether the line should be shown. A repeated complaint is shown once, until another line
    /// follows.
    fn is_news(&mut self, line: &Line) -> bool {
        let complaint = match line {
            Line::Entry(entry) => entry.complaint(),
            Line::Plain(_) => None,
        };
        if let Some(complaint) = complaint {
            return self.complaints.insert(complaint);
        }
        self.complaints.clear();
        true
    }

    fn read_on(&mut self) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(File::open(&self.path)?),
        };
        file.take(CHUNK).read_to_end(&mut self.unfinished)?;
        Ok(())
    }

    /// Whether the file was replaced or truncated, because the service was restarted.
    fn was_replaced(&mut self) -> bool {
        let Some(file) = &mut self.file else { return false };
        match (file.metadata(), self.path.metadata(), file.stream_position()) {
            (Ok(ours), Ok(named), Ok(position)) => ours.ino() != named.ino() || ours.len() < position,
            _ => false,
        }
    }
}

/// Several logs, and where they are shown.
#[derive(Debug)]
pub struct Stream {
    sources: Vec<Source>,
    console: Console,
}

impl Stream {
    /// A stream of these logs.
    pub fn new(sources: Vec<Source>, console: Console) -> Self {
        Self { sources, console }
    }

    /// Prints the lines that are written, and with `follow` those that will be, until the output
    /// has no reader.
    pub async fn show(mut self, follow: bool) {
        while !self.console.is_unseen() {
            let lines = self.poll();
            for line in &lines {
                self.console.print(line);
            }
            if !follow && lines.is_empty() && self.sources.iter().all(|source| source.waiting.is_empty()) {
                return;
            }
            // The supervisor runs on the same thread: let it, however fast the logs grow.
            if follow || lines.is_empty() {
                sleep(PAUSE).await;
            }
        }
    }

    /// The lines written since the last call, sorted by time.
    fn poll(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for source in &mut self.sources {
            source.read();
            while let Some((timestamp, line)) = source.next() {
                let text = paint(self.console, &source.speaker, &timestamp, &line);
                let text = text.filter(|_| source.is_news(&line));
                lines.extend(text.map(|text| (timestamp, text)));
            }
        }
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        lines.into_iter().map(|(_, text)| text).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use domain::ServiceName;

    use super::*;

    fn source(folder: &Path, name: &'static str) -> Source {
        Source::new(folder.join(name), Speaker { name, service: ServiceName::Kitchen, echo: false })
    }

    fn json(second: u8, message: &str) -> String {
        format!(
            r#"{{"timestamp":"2024-12-16T10:30:{second:02}.000Z","level":"INFO","action":"a","message":"{message}"}}"#
        )
    }

    #[test]
    fn lines_come_once_complete_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let sources = vec![source(folder.path(), "a"), source(folder.path(), "b")];
        let mut stream = Stream::new(sources, Console::plain());
        assert!(stream.poll().is_empty());

        fs::write(folder.path().join("a"), format!("{}\nplain\n{}", json(3, "third"), json(4, "fourth")))
            .unwrap();
        fs::write(folder.path().join("b"), format!("{}\n", json(1, "first"))).unwrap();
        let words = |lines: Vec<String>| {
            lines.iter().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(words(stream.poll()), ["first", "third"]);
        assert_eq!(words(stream.poll()), ["plain"], "waited once for the line after it");
        assert!(stream.poll().is_empty());

        let mut file = fs::OpenOptions::new().append(true).open(folder.path().join("a")).unwrap();
        io::Write::write_all(&mut file, b"\n").unwrap();
        assert_eq!(words(stream.poll()), ["fourth"]);
    }

    #[test]
    fn attempts_that_fail_alike_are_shown_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut stream = Stream::new(vec![source(folder.path(), "a")], Console::plain());
        let failed = |second, of| {
            let line = json(second, of).replace("INFO", "ERROR");
            line.replacen('{', r#"{"details":{"attempt":1,"retry_in_ms":100},"#, 1)
        };
        let lines = [
            failed(1, "x"),
            failed(2, "y"),
            failed(3, "x"),
            failed(4, "y"),
            json(5, "connected"),
            failed(6, "x"),
        ];
        fs::write(folder.path().join("a"), lines.join("\n") + "\n").unwrap();
        let shown = stream.poll();
        let seconds: Vec<_> = shown.iter().map(|line| &line[6..8]).collect();
        assert_eq!(seconds, ["01", "02", "05", "06"], "{shown:?}");
    }

    #[test]
    fn a_line_without_time_has_that_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let sources = vec![source(folder.path(), "a"), source(folder.path(), "b")];
        let mut stream = Stream::new(sources, Console::plain());
        fs::write(folder.path().join("a"), format!("plain\n{}\n", json(2, "second"))).unwrap();
        fs::write(folder.path().join("b"), format!("{}\n", json(1, "first"))).unwrap();
        let lines = stream.poll();
        assert!(lines[0].ends_with("first") && lines[2].ends_with("second"), "{lines:?}");
        assert!(lines[1].starts_with("10:30:02.000") && lines[1].ends_with("plain"), "{lines:?}");
    }

    #[test]
    fn a_replaced_log_is_read_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut stream = Stream::new(vec![source(folder.path(), "a")], Console::plain());
        fs::write(folder.path().join("a"), format!("{}\n", json(1, "one"))).unwrap();
        assert_eq!(stream.poll().len(), 1);
        fs::rename(folder.path().join("a"), folder.path().join("old")).unwrap();
        fs::write(folder.path().join("a"), format!("{}\n", json(2, "two"))).unwrap();
        assert_eq!(stream.poll().len() + stream.poll().len(), 1);
    }
}
