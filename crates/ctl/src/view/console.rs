//! Lines on the terminal, coloured where that is welcome.

use std::io::{IsTerminal, Write};

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Less important.
    Dim,
    /// More important.
    Bold,
    /// What went wrong.
    Red,
    /// What went well.
    Green,
    /// What needs attention.
    Yellow,
    /// To tell names apart.
    Blue,
    /// To tell names apart.
    Magenta,
    /// To tell names apart.
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
}

impl Console {
    /// Coloured on a terminal, unless `NO_COLOR` is set.
    pub fn new() -> Self {
        let unwelcome = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let on_terminal = std::io::stdout().is_terminal();
        Self { colored: !unwelcome && on_terminal, on_terminal }
    }

    /// Whether there was a terminal that is gone now: its window was closed, or the connection to it broke. The signal that tells
    /// of it reaches only the first process in it, which need not be us.
    pub fn has_lost_terminal(self) -> bool {
        self.on_terminal && !std::io::stdout().is_terminal()
    }

    /// Never coloured.
    #[cfg(test)]
    pub fn plain() -> Self {
        Self { colored: false, on_terminal: false }
    }

    /// The text in this style.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.colored { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }

    /// Prints a line. If nobody reads any more, there is nobody to tell.
    #[expect(clippy::unused_self, reason = "what is printed was painted by it")]
    pub fn print(self, line: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// Something is done.
    pub fn done(self, text: &str) {
        self.print(&format!("{} {text}", self.paint(Style::Green, "✓")));
    }

    /// Something goes on.
    pub fn note(self, text: &str) {
        self.print(&self.paint(Style::Dim, &format!("· {text}")));
    }

    /// Something went wrong, and the work goes on.
    pub fn warn(self, text: &str) {
        self.print(&format!("{} {text}", self.paint(Style::Yellow, "!")));
    }
}
