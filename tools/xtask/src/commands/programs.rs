//! The tasks that build and run the project's own programs with the user's words: `run`, `ctl`,
//! `load`, `bench` and `build`.

use std::ffi::OsString;
use std::process::Command;

use domain::ServiceName;
use runtime::Exit;

use crate::cluster::state::State;
use crate::program::{become_program, build_quietly, cargo, folder, on_local_servers, run};

/// `run`: runs one service from source. The words are the service and its arguments.
pub fn run_service(words: &[OsString]) -> Result<(), Exit> {
    let known = ServiceName::ALL.map(ServiceName::short_name).join(", ");
    let Some((name, arguments)) = words.split_first() else {
        return Err(Exit::Usage(format!("run: name a service, one of {known}")));
    };
    let name = name.to_string_lossy();
    let service = ServiceName::of_short_name(&name)
        .ok_or_else(|| Exit::Usage(format!("run: '{name}' is none of {known}")))?;
    let mut service = Command::new(build_quietly(service.binary())?);
    become_program(&mut on_local_servers(service.args(arguments)))
}

/// `audit`, `doctor` and `ctl`: restaurant-ctl, on the servers of `up` if it runs. Without
/// `command`, the first word names its command.
pub fn ctl(command: Option<&str>, words: &[OsString]) -> Result<(), Exit> {
    let mut ctl = Command::new(build_quietly("restaurant-ctl")?);
    become_program(&mut on_local_servers(ctl.args(command).args(words)))
}

/// `load`: restaurant-load, against the services of `up` if it runs.
pub fn load(words: &[OsString]) -> Result<(), Exit> {
    let mut load = Command::new(build_quietly("restaurant-load")?);
    if let Ok(record) = State::now().open() {
        for (option, url) in [("--url", record.order_url), ("--tracking", record.tracking_url)] {
            if !is_given(option, words) {
                load.arg(option).arg(url);
            }
        }
    }
    become_program(load.args(words))
}

fn is_given(option: &str, words: &[OsString]) -> bool {
    let is_it =
        |word: &str| word == option || word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='));
    words.iter().any(|word| is_it(&word.to_string_lossy()))
}

/// `bench`: measures the speed, in comparison with a baseline. The words select scenarios, or the
/// micro-benchmarks (`micro`): validation, order numbers, messages, log lines.
pub fn bench(words: &[OsString]) -> Result<(), Exit> {
    if let Some((first, options)) = words.split_first()
        && first == "micro"
    {
        let run_one = |package, bench| {
            run(cargo(&["bench", "--quiet", "--package", package, "--bench", bench, "--"]).args(options))
        };
        return run_one("domain", "rules").and_then(|()| run_one("logging", "lines"));
    }
    if let Some(question) = words.iter().find(|word| *word == "--list" || *word == "--help") {
        return become_program(cargo(&["run", "--quiet", "--package", "bench", "--"]).arg(question));
    }
    eprintln!("building the optimised programs (some minutes at the first time) ...");
    run(cargo(&["build", "--quiet", "--release", "--package", "bench"]).args(all_programs()))?;
    become_program(Command::new(folder()?.with_file_name("release").join("bench")).args(words))
}

/// `build`: builds every program that users run, with these options of `cargo build`.
pub fn build(words: &[OsString]) -> Result<(), Exit> {
    become_program(cargo(&["build"]).args(all_programs()).args(words))
}

/// Cargo's arguments for them: everything that ships, and the load generator.
fn all_programs() -> impl Iterator<Item = &'static str> {
    let others = ["restaurant-system", "restaurant-ctl", "restaurant-load"];
    let services = ServiceName::ALL.map(ServiceName::binary);
    services.into_iter().chain(others).flat_map(|program| ["--package", program])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_named_is_taken() {
        let given = |line: &str| is_given("--url", &line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(given("--url http://127.0.0.1:1") && given("--rate 1 --url=http://127.0.0.1:1"));
        assert!(!given("--rate 1") && !given("--tracking http://127.0.0.1:1 --urls"));
    }
}
