//! The list of tasks.

use std::fmt::Write as _;

use runtime::Exit;

use crate::NAME;

/// A task. [`TASKS`] describes each.
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
    ConfigDocs,
    Fmt,
    Lint,
    Deny,
}

/// Each task with its name, its arguments, and its description.
const TASKS: [(Task, &str, &str, &str); 20] = [
    (Task::Up, "up", "[options]", "open the whole restaurant on this machine; --detach: and return"),
    (Task::Down, "down", "[options]", "close it"),
    (Task::Status, "status", "", "show what runs"),
    (Task::Logs, "logs", "[service]", "show what the services said: logs kitchen --follow"),
    (Task::Reset, "reset", "[options]", "close it and delete its orders, messages and logs"),
    (Task::Demo, "demo", "[options]", "place orders in the open restaurant and watch them being cooked"),
    (
        Task::Run,
        "run",
        "service",
        "run one service from source, on the servers of 'up': run order --port 3010",
    ),
    (
        Task::Audit,
        "audit",
        "[options]",
        "check that no order of the running system is lost, doubled or stuck",
    ),
    (Task::Doctor, "doctor", "[options]", "check what the services need before they start"),
    (
        Task::Ctl,
        "ctl",
        "command",
        "any other command of restaurant-ctl, on the servers of 'up': ctl dlq list",
    ),
    (Task::Load, "load", "[options]", "place many orders, measure how long it takes, look for each of them"),
    (Task::Test, "test", "[options]", "check everything: format, lints, all tests on real servers"),
    (
        Task::Faults,
        "faults",
        "[options]",
        "break everything on purpose; --soak 10m: random faults for so long",
    ),
    (Task::Fuzz, "fuzz", "[--for 10m]", "try the parsers with hostile inputs, each for a minute or so long"),
    (
        Task::Bench,
        "bench",
        "[options]",
        "measure the speed beside its baseline; bench micro: the smallest parts",
    ),
    (Task::Build, "build", "[options]", "build every program; --release: optimised"),
    (
        Task::ConfigDocs,
        "config-docs",
        "",
        "write config.yaml and docs/configuration.md from the table of settings",
    ),
    (Task::Fmt, "fmt", "", "format the code"),
    (Task::Lint, "lint", "", "look for what the compiler does not mind"),
    (Task::Deny, "deny", "", "look at the dependencies: licences, sources, duplicates, known weaknesses"),
];

impl Task {
    /// The task of this name.
    ///
    /// # Errors
    /// There is none, or the name asks for help.
    pub fn named(name: &str) -> Result<Self, Exit> {
        if ["--help", "-h", "help"].contains(&name) {
            return Err(Exit::Output(list()));
        }
        TASKS.into_iter().find_map(|(task, known, ..)| (known == name).then_some(task)).ok_or_else(|| {
            Exit::Usage(format!("{NAME}: there is no task '{name}'\nRun '{NAME} --help' for all of them."))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        TASKS.into_iter().find_map(|(task, name, ..)| (task == self).then_some(name)).unwrap_or_default()
    }

    /// Its description.
    pub fn about(self) -> &'static str {
        TASKS.into_iter().find_map(|(task, .., about)| (task == self).then_some(about)).unwrap_or_default()
    }
}

/// The list of all tasks, for people.
pub fn list() -> String {
    let mut text = format!("Usage: {NAME} TASK [options]\n\n");
    for (_, name, options, about) in TASKS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<17} {about}", format!("{name} {options}"));
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
        for (task, name, ..) in TASKS {
            assert_eq!((Task::named(name), task.name()), (Ok(task), name));
            assert!(list.contains(&format!("\n  {name} ")), "{list}");
        }
        assert!(matches!(Task::named("open"), Err(Exit::Usage(text)) if text.contains("cargo xtask --help")));
        assert_eq!(Task::named("--help"), Err(Exit::Output(list)));
    }
}
