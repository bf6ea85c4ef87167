//! Buffered lines for a reader who may be slow, such as a pager. A separate thread writes them,
//! because it may block. The thread that talks to RabbitMQ must not, or the connection breaks.

use std::io::{self, Write};

/// Bytes that are written together.
const PIECE: usize = 64 << 10;

/// Buffered lines.
pub struct Output<W> {
    /// `None` while a write is in progress, and after a failed one.
    writer: Option<W>,
    buffer: Vec<u8>,
}

impl<W: Write + Send + 'static> Output<W> {
    pub fn to(writer: W) -> Self {
        Self { writer: Some(writer), buffer: Vec::new() }
    }

    /// Adds a line.
    pub async fn line(&mut self, line: &str) -> io::Result<()> {
        self.line_of(std::iter::once(line)).await
    }

    /// Adds a line that consists of several pieces.
    pub async fn line_of(&mut self, pieces: impl IntoIterator<Item: AsRef<str>>) -> io::Result<()> {
        for piece in pieces {
            self.buffer.extend_from_slice(piece.as_ref().as_bytes());
            if self.buffer.len() >= PIECE {
                self.flush().await?;
            }
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= PIECE { self.flush().await } else { Ok(()) }
    }

    /// Writes the buffer.
    pub async fn flush(&mut self) -> io::Result<()> {
        let Some(mut writer) = self.writer.take() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let piece = std::mem::take(&mut self.buffer);
        let writing = tokio::task::spawn_blocking(move || {
            writer.write_all(&piece).and_then(|()| writer.flush()).map(|()| writer)
        });
        self.writer = Some(writing.await.map_err(io::Error::other)??);
        Ok(())
    }

    /// Writes the buffer and returns the writer.
    pub async fn finish(mut self) -> io::Result<W> {
        self.flush().await?;
        self.writer.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

/// Whether the reader has ended, as in `… | head`. That is not a failure.
pub fn is_over(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::BrokenPipe
}
