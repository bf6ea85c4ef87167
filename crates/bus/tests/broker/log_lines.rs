//! Captures log lines, so that tests can wait for them.

use std::io::Write;

use logging::{FlushOnDrop, Level, Log};
use serde_json::Value;
use testkit::wait::within;
use tokio::sync::watch;

/// A log and its lines.
pub struct LogLines {
    pub log: Log,
    lines: watch::Receiver<Vec<Value>>,
    _flush: FlushOnDrop,
}

impl LogLines {
    pub fn new() -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        let (log, flush) = logging::start_on("test", Level::Debug, Writer { sender, rest: Vec::new() });
        Self { log, lines, _flush: flush }
    }

    /// All lines of an action so far.
    pub fn of(&self, action: &str) -> Vec<Value> {
        self.lines.borrow().iter().filter(|line| line["action"] == action).cloned().collect()
    }

    /// Waits until an action has this many lines.
    pub async fn until(&self, action: &str, count: usize) {
        let mut lines = self.lines.clone();
        let are_there =
            |lines: &Vec<Value>| lines.iter().filter(|line| line["action"] == action).count() >= count;
        let what = format!("{count} lines '{action}'");
        drop(within(&what, lines.wait_for(are_there)).await.expect("the log goes on"));
    }

    /// Waits for a line of an action that contains these words.
    pub async fn said(&self, action: &str, words: &str) {
        let mut lines = self.lines.clone();
        let says = |line: &Value| line["action"] == action && line.to_string().contains(words);
        let what = format!("a line '{action}' with '{words}'");
        let found = within(&what, lines.wait_for(|lines| lines.iter().any(says))).await;
        drop(found.expect("the log goes on"));
    }
}

struct Writer {
    sender: watch::Sender<Vec<Value>>,
    /// An incomplete line.
    rest: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.rest.extend(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = serde_json::from_slice(&line).expect("a line is JSON");
            self.sender.send_modify(|lines| lines.push(line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
