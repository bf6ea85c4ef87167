//! The exit codes of programs.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// An early end of a program: the text to print, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The requested text (`--help`, `--version`), printed on stdout: code 0.
    Output(String),
    /// Invalid arguments: code 2.
    Usage(String),
    /// A failure at run time: code 1.
    Failed(String),
    /// A failure at run time that has been logged: code 1.
    Logged,
    /// The question could not be answered: code 3.
    Unknown(String),
    /// An invalid configuration: code 78 (`EX_CONFIG` of sysexits.h).
    Config(String),
    /// A failure of a program that this one ran, and that has reported it: the program's own code.
    Code(u8),
}

impl Exit {
    /// A failure at run time, with all its causes on one line.
    pub fn failed(program: &str, why: &dyn Error) -> Self {
        Self::Failed(format!("{program}: {}", with_causes(why)))
    }

    /// Prints the text to stdout or stderr, and returns the code.
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
        // If nobody reads it, the exit code still tells.
        let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
        ExitCode::from(code)
    }
}

/// The end of a failed program, with every cause of the error on one line.
pub fn failed(error: &dyn Error) -> Exit {
    Exit::Failed(with_causes(error))
}

/// An error and its causes on one line: "what: why: why".
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
