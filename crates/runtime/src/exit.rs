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

    /// The same end, whose complaint begins with the program's name. One that does already stays.
    #[must_use]
    pub fn of_program(self, program: &str) -> Self {
        let named = |text: String| {
            if text.starts_with(&format!("{program}: ")) { text } else { format!("{program}: {text}") }
        };
        match self {
            Self::Usage(text) => Self::Usage(named(text)),
            Self::Failed(text) => Self::Failed(named(text)),
            Self::Unknown(text) => Self::Unknown(named(text)),
            Self::Config(text) => Self::Config(named(text)),
            Self::Output(_) | Self::Logged | Self::Code(_) => self,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_begins_once_with_the_programs_name() {
        let once = Exit::Failed("ctl: no".to_owned());
        assert_eq!(Exit::Failed("no".to_owned()).of_program("ctl"), once);
        assert_eq!(once.clone().of_program("ctl"), once);
        assert_eq!(Exit::Unknown("no".to_owned()).of_program("ctl"), Exit::Unknown("ctl: no".to_owned()));
        for silent in [Exit::Output("help".to_owned()), Exit::Logged, Exit::Code(7)] {
            assert_eq!(silent.clone().of_program("ctl"), silent);
        }
    }
}
