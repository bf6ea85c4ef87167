//! Maps --mode to the service's own binary and replaces itself with it: same process, same signals.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use domain::ServiceName;

const HELP: &str = "\
Usage: restaurant-system --mode=MODE [flags of the service]

Starts one service of the restaurant order system.

  --mode=order-service             takes orders over HTTP            [--port=3000] [--max-concurrent=50]
  --mode=kitchen-worker            cooks orders                      --worker-name=NAME [--order-types=A,B]
                                                                     [--heartbeat-interval=30] [--prefetch=1] [--concurrency=1]
  --mode=tracking-service          tells where orders stand          [--port=3002]
  --mode=notification-subscriber   shows every status change         [--from=next]

  --mode=MODE --help               all flags of a service
  --version                        the version of this program
";

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Help,
    Version,
    Run(ServiceName),
    Mistake(String),
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match request(&arguments) {
        Request::Help => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Request::Version => {
            println!("restaurant-system {} ({})", build_info::VERSION, build_info::REVISION);
            ExitCode::SUCCESS
        }
        Request::Mistake(what) => {
            eprintln!("restaurant-system: {what}\nRun 'restaurant-system --help' for the modes.");
            ExitCode::from(2)
        }
        Request::Run(service) => become_service(service.binary(), &arguments),
    }
}

/// Parses only the mode. The service parses everything else.
fn request(arguments: &[OsString]) -> Request {
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let mode = words.iter().enumerate().find_map(|(place, word)| match word.strip_prefix("--mode=") {
        Some(mode) => Some(mode.to_owned()),
        None if word == "--mode" => Some(words.get(place + 1).map(ToString::to_string).unwrap_or_default()),
        None => None,
    });
    let allowed = ServiceName::ALL.map(ServiceName::binary).join(", ");
    match mode {
        Some(mode) => match ServiceName::of_binary(&mode) {
            Some(service) => Request::Run(service),
            None if mode.is_empty() => Request::Mistake(format!("--mode needs a value (allowed: {allowed})")),
            None => Request::Mistake(format!("--mode is '{mode}', which is no service (allowed: {allowed})")),
        },
        None if words.iter().any(|word| word == "--help" || word == "-h") => Request::Help,
        None if words.iter().any(|word| word == "--version") => Request::Version,
        None => Request::Mistake(format!("--mode is missing (allowed: {allowed})")),
    }
}

/// Returns only if the service could not be started.
fn become_service(mode: &'static str, arguments: &[OsString]) -> ExitCode {
    let sibling = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(mode)));
    let program = sibling.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(mode));
    let why = Command::new(&program).args(arguments).exec();
    let program = program.display();
    if why.kind() == ErrorKind::NotFound {
        eprintln!(
            "restaurant-system: there is no program '{mode}', neither beside restaurant-system nor on PATH. \
             Build it with 'cargo build -p {mode}', or install it to the same folder."
        );
    } else {
        eprintln!("restaurant-system: '{program}' cannot be started: {why}");
    }
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Request {
        request(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn both_forms_of_every_mode() {
        for service in ServiceName::ALL {
            let mode = service.binary();
            assert_eq!(read(&[&format!("--mode={mode}"), "--port=1"]), Request::Run(service));
            assert_eq!(read(&["--port", "1", "--mode", mode]), Request::Run(service));
            assert_eq!(read(&["--mode", mode, "--help"]), Request::Run(service), "the service's own help");
        }
    }

    #[test]
    fn everything_else_is_answered_here() {
        assert_eq!(read(&["--help"]), Request::Help);
        assert_eq!(read(&["-h"]), Request::Help);
        assert_eq!(read(&["--version"]), Request::Version);
        for mistake in [&[][..], &["--mode"], &["--mode="], &["--mode=waiter"], &["order-service"]] {
            assert!(matches!(read(mistake), Request::Mistake(_)), "{mistake:?}");
        }
    }

    #[test]
    fn the_help_names_every_service_and_its_port() {
        for service in ServiceName::ALL {
            let line = HELP.lines().find(|line| line.contains(&format!("--mode={service} "))).unwrap();
            let port = service.port().map(|port| format!("[--port={port}]"));
            assert!(port.is_none_or(|port| line.contains(&port)), "{line}");
        }
    }
}
