//! What there is to do.

use std::fmt::Write as _;

use runtime::Exit;

use crate::NAME;

/// A task; [`Task::described`] says what each is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Up,
    Down,
    Status,
    Logs,
    Reset,
    Demo,
    Run,
    Audit,
    Doctor,
    Ctl,
    Load,
    Test,
    Faults,
    Fuzz,
    Bench,
    Build,
    Fmt,
    Lint,
    Deny,
}

impl Task {
    /// All of them, in the order in which they are listed.
    const ALL: [Self; 19] = [
        Self::Up,
        Self::Down,
        Self::Status,
        Self::Logs,
        Self::Reset,
        Self::Demo,
        Self::Run,
        Self::Audit,
        Self::Doctor,
        Self::Ctl,
        Self::Load,
        Self::Test,
        Self::Faults,
        Self::Fuzz,
        Self::Bench,
        Self::Build,
        Self::Fmt,
        Self::Lint,
        Self::Deny,
    ];

    /// The one of this name.
    ///
    /// # Errors
    /// There is none, or the name asks for help.
    pub fn named(name: &str) -> Result<Self, Exit> {
        if ["--help", "-h", "help"].contains(&name) {
            return Err(Exit::Answered(list()));
        }
        Self::ALL.into_iter().find(|task| task.name() == name).ok_or_else(|| {
            Exit::Usage(format!("{NAME}: there is no task '{name}'\nRun '{NAME} --help' for all of them."))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.described().0
    }

    /// Its name, what can follow it, and what it does.
    fn described(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Up => (
                "up",
                "[options]",
                "open the whole restaurant on this machine: servers and services; --detach: and return",
            ),
            Self::Down => ("down", "[options]", "close it"),
            Self::Status => ("status", "", "show what runs"),
            Self::Logs => ("logs", "[service]", "show what the services said: logs kitchen --follow"),
            Self::Reset => ("reset", "[options]", "close it and delete its orders, messages and logs"),
            Self::Demo => {
                ("demo", "[options]", "place orders in the open restaurant and watch them being cooked")
            }
            Self::Run => (
                "run",
                "service [options]",
                "run one service from source (order, kitchen, tracking or notifier), with the servers of 'up' while that runs",
            ),
            Self::Audit => {
                ("audit", "[options]", "check on the running system that no order is lost, doubled or stuck")
            }
            Self::Doctor => (
                "doctor",
                "[options]",
                "check what the services need before they start: configuration, servers, rights, ports",
            ),
            Self::Ctl => (
                "ctl",
                "command",
                "any other command of restaurant-ctl, on the servers of 'up' while that runs: ctl dlq list",
            ),
            Self::Load => (
                "load",
                "[options]",
                "place many orders, measure how long that takes, and look for each of them",
            ),
            Self::Test => (
                "test",
                "[options]",
                "check everything: format, lints, all tests on real servers; test -p domain price",
            ),
            Self::Faults => (
                "faults",
                "[options]",
                "break everything on purpose, and say what became of the orders; --soak 10m: random faults for so long",
            ),
            Self::Fuzz => (
                "fuzz",
                "[--for 10m]",
                "try the parsers that face the outside with hostile inputs, each for a minute or so long",
            ),
            Self::Bench => (
                "bench",
                "[options]",
                "measure the speed beside its baseline: bench, bench intake --rounds 5, bench micro",
            ),
            Self::Build => ("build", "[options]", "build every program (build --release: optimised)"),
            Self::Fmt => ("fmt", "", "format the code"),
            Self::Lint => ("lint", "", "look for what the compiler does not mind"),
            Self::Deny => (
                "deny",
                "",
                "look at the dependencies: licences, sources, duplicates, and known weaknesses if their list can be fetched",
            ),
        }
    }
}

/// All tasks, for people.
pub fn list() -> String {
    let mut text = format!("Usage: {NAME} TASK [options]\n\n");
    for (name, options, about) in Task::ALL.map(Task::described) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<23} {about}", format!("{name} {options}"));
    }
    let _ = write!(text, "\nMost tasks tell all of their options: {NAME} up --help");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_listed_and_found_by_its_name() {
        let list = list();
        for task in Task::ALL {
            assert_eq!(Task::named(task.name()), Ok(task));
            assert!(list.contains(&format!("\n  {} ", task.name())), "{list}");
        }
        assert!(matches!(Task::named("open"), Err(Exit::Usage(text)) if text.contains("cargo xtask --help")));
        assert_eq!(Task::named("--help"), Err(Exit::Answered(list)));
    }
}
