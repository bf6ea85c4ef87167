//! The output of a process, by line.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Poll interval for a file that a service prints to.
const FOLLOW_PAUSE: Duration = Duration::from_millis(20);

/// The lines of a stream, as they arrive.
pub(crate) struct Lines {
    /// All lines so far. Its sender is gone when the stream has ended.
    pub(crate) read: watch::Receiver<Vec<String>>,
    pub(crate) task: JoinHandle<()>,
}

impl Lines {
    pub(crate) fn read(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (found, read) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                found.send_modify(|lines| lines.push(line));
            }
        });
        Self { read, task }
    }

    /// The lines of a growing file, until the sender of `alive` is dropped.
    pub(crate) fn follow(path: PathBuf, mut alive: watch::Receiver<Vec<String>>) -> Self {
        let (found, read) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            let mut file = std::fs::File::open(path).expect("it was made before");
            let (mut rest, mut has_ended) = (Vec::new(), false);
            while !has_ended {
                // Files do not signal their growth.
                has_ended = matches!(tokio::time::timeout(FOLLOW_PAUSE, alive.changed()).await, Ok(Err(_)));
                file.read_to_end(&mut rest).expect("what was written");
                let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                let whole: Vec<u8> = rest.drain(..end).collect();
                let whole = String::from_utf8_lossy(&whole);
                found.send_modify(|lines| lines.extend(whole.lines().map(str::to_owned)));
            }
        });
        Self { read, task }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.read.borrow().clone()
    }
}
