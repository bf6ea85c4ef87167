//! Lines on the terminal, coloured where the terminal supports it.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;
use tokio::time::sleep;

use crate::Exit;

/// Interval of the check whether the output still has a reader.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Why a line could not be written; set by the first such failure.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// The style of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Less important.
    Dim,
    /// More important.
    Bold,
    /// Failures.
    Red,
    /// Successes.
    Green,
    /// Warnings.
    Yellow,
    /// One of the colours that tell names apart.
    Blue,
    /// One of the colours that tell names apart.
    Magenta,
    /// One of the colours that tell names apart.
    Cyan,
}

impl Style {
    fn code(self) -> u8 {
        match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Blue => 34,
            Self::Magenta => 35,
            Self::Cyan => 36,
        }
    }
}

/// The standard output.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    colored: bool,
    on_terminal: bool,
    /// The terminal cannot move its cursor back (`TERM=dumb`).
    dumb: bool,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// Coloured on a terminal, unless `NO_COLOR` is set.
    pub fn new() -> Self {
        let unwelcome = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let on_terminal = std::io::stdout().is_terminal();
        Self { colored: !unwelcome && !dumb && on_terminal, on_terminal, dumb }
    }

    /// Whether earlier lines can be overwritten.
    pub fn can_draw(self) -> bool {
        self.on_terminal && !self.dumb
    }

    /// Whether the output has no reader any more: the terminal's window was closed, its connection
    /// broke, or the reader of the pipe has ended. (SIGHUP reaches only the first process of a
    /// terminal, which this need not be.)
    pub fn is_unseen(self) -> bool {
        let stdout = std::io::stdout();
        if self.on_terminal && !stdout.is_terminal() {
            return true;
        }
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok()
            && watched.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP))
    }

    /// Waits until the output has no reader any more.
    pub async fn until_unseen(self) {
        while !self.is_unseen() {
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Columns and rows of the terminal, if it reports them.
    pub fn size(self) -> Option<(usize, usize)> {
        if !self.on_terminal {
            return None;
        }
        let size = tcgetwinsize(std::io::stdout()).ok()?;
        (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
    }

    /// Cuts the line so that it does not wrap on the terminal.
    pub fn fitted(self, line: &str) -> String {
        self.size().map_or_else(|| line.to_owned(), |(columns, _)| cut(line, columns))
    }

    /// Never coloured, and never a terminal: for output that a test reads.
    pub fn plain() -> Self {
        Self { colored: false, on_terminal: false, dumb: false }
    }

    /// Wraps the text in the codes of this style.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.colored { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }

    /// Prints a line. A missing reader is ignored. Any other failure is reported at the end, by
    /// [`all_written`].
    pub fn print(self, line: &str) {
        if let Err(why) = writeln!(std::io::stdout().lock(), "{line}") {
            let nobody_reads = self.on_terminal || why.kind() == ErrorKind::BrokenPipe;
            if !nobody_reads {
                UNWRITTEN.get_or_init(|| why);
            }
        }
    }

    /// Prints that a step succeeded.
    pub fn done(self, text: &str) {
        self.print(&format!("{} {text}", self.paint(Style::Green, "✓")));
    }

    /// Prints that a step is in progress.
    pub fn note(self, text: &str) {
        self.print(&self.paint(Style::Dim, &format!("· {text}")));
    }

    /// Prints that a step failed while the work goes on.
    pub fn warn(self, text: &str) {
        self.print(&format!("{} {text}", self.paint(Style::Yellow, "!")));
    }
}

/// Returns a command's outcome, or an error if its output could not be written.
///
/// # Errors
/// The error that ended the command, or the failed write.
pub fn all_written(outcome: Result<(), Exit>) -> Result<(), Exit> {
    match (outcome, UNWRITTEN.get()) {
        (Ok(()) | Err(Exit::Logged), Some(why)) => Err(Exit::Failed(format!(
            "cannot write to the standard output: {why}. Choose a place for it that can be written to"
        ))),
        (outcome, _) => outcome,
    }
}

/// The first characters of a line. Colour codes take no columns.
fn cut(line: &str, columns: usize) -> String {
    let (mut text, mut used, mut in_code) = (String::new(), 0, false);
    for character in line.chars() {
        let takes_no_place = in_code || character == '\x1b';
        in_code = takes_no_place && character != 'm';
        if takes_no_place || used < columns {
            text.push(character);
        }
        used += usize::from(!takes_no_place);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_and_its_colours_end() {
        assert_eq!(cut("ab\x1b[31mcdé\x1b[0mfg", 5), "ab\x1b[31mcdé\x1b[0m");
        assert_eq!(cut("short", 80), "short");
    }
}
