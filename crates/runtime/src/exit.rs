//! How a program ends.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// An early end: what to print, and the exit code that tells a script why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The user asked for a text (`--help`, `--version`): printed on stdout, code 0.
    Output(String),
    /// The command line cannot be understood: code 2.
    Usage(String),
    /// It went wrong while running: code 1.
    Failed(String),
    /// It went wrong while running, and the log says how: code 1.
    Logged,
    /// It could not be found out what was asked: code 3.
    Unknown(String),
    /// The configuration is bad: code 78 (`EX_CONFIG` of sysexits.h).
    Config(String),
    /// It went wrong in another program that this one ran, which has said how: its code.
    Code(u8),
}

impl Exit {
    /// It went wrong while running: what, and why, on one line.
    pub fn failed(program: &str, why: &dyn Error) -> Self {
        Self::Failed(format!("{program}: {}", with_causes(why)))
    }

    /// Prints the text where it belongs.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Output(text) => {
                let written = writeln!(std::io::stdout(), "{}", text.trim_end());
                if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Self::Usage(text) => Self::complain(text, 2),
            Self::Failed(text) => Self::complain(text, 1),
            Self::Unknown(text) => Self::complain(text, 3),
            Self::Logged => ExitCode::FAILURE,
            Self::Config(text) => Self::complain(text, 78),
            Self::Code(code) => ExitCode::from(*code),
        }
    }

    fn complain(text: &str, code: u8) -> ExitCode {
        // If nobody reads it, the code says it all the same.
        let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
        ExitCode::from(code)
    }
}

/// The end of a program that failed, with every cause of the error on one line.
pub fn failed(error: &dyn Error) -> Exit {
    Exit::Failed(with_causes(error))
}

/// An error and its causes on one line, as "what: why: why".
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
