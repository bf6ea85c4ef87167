//! What a process prints, line by line.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

/// The lines of a stream, as they come.
pub(crate) struct Lines {
    read: Arc<Mutex<Vec<String>>>,
    pub(crate) changed: watch::Receiver<()>,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

impl Lines {
    pub(crate) fn read(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (tell, changed) = watch::channel(());
        let task = tokio::spawn({
            let lines = Arc::clone(&lines);
            async move {
                let mut stream = BufReader::new(stream).lines();
                while let Ok(Some(line)) = stream.next_line().await {
                    lines.lock().unwrap().push(line);
                    tell.send_replace(());
                }
            }
        });
        Self { read: lines, changed, task }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.read.lock().unwrap().clone()
    }
}
