//! The list of tasks.

/// What `cargo xtask` prints without a task. `main` runs each by its name in this list.
pub const LIST: &str = "\
Usage: cargo xtask TASK [options]

  up [options]      open the whole restaurant; --detach: and return, --observe: with Prometheus
  down [options]    close it
  status            show what runs
  logs [service]    show what the services said: logs kitchen --follow
  reset [options]   close it and delete its orders, messages and logs
  demo [options]    place orders in the open restaurant and watch them being cooked
  run service       run one service from source, on the servers of 'up': run order --port 3010
  audit [options]   check that no order of the running system is lost, doubled or stuck
  doctor [options]  check what the services need before they start
  ctl command       any other command of restaurant-ctl, on the servers of 'up': ctl dlq list
  load [options]    place many orders, measure how long it takes, look for each of them
  test [options]    check everything: format, lints, all tests on real servers
  faults [options]  break everything on purpose; --soak 10m: random faults for so long
  drill [name]      lose a node, a server, a release, as practice, and a table of what it cost
  fuzz [--for 10m]  try the parsers with hostile inputs, each for a minute or so long
  bench [options]   measure the speed beside its baseline; bench micro: the smallest parts
  build [options]   build every program; --release: optimised
  config-docs       write config.yaml and docs/configuration.md from the table of settings
  fmt               format the code
  lint              look for what the compiler does not mind
  deny              look at the dependencies: licences, sources, duplicates, known weaknesses

Most tasks tell all of their options: cargo xtask up --help";

/// The column of [`LIST`] in which the descriptions begin.
const ABOUT: usize = 20;

/// What the list says about a task.
pub fn about(name: &str) -> &'static str {
    let is_meant = |line: &&str| line.split_whitespace().next() == Some(name);
    LIST.lines().find(is_meant).and_then(|line| line.get(ABOUT..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names for which `main` has a match arm, or the condition of `up`.
    fn run() -> BTreeSet<&'static str> {
        let lines = include_str!("main.rs").lines().map(str::trim);
        let arms = lines.filter_map(|line| {
            let up = line.strip_prefix("if name == ").and_then(|rest| rest.strip_suffix(" {"));
            up.or_else(|| Some(line.split_once(" => ")?.0))
        });
        let names = arms.flat_map(|names| names.split(" | "));
        let names = names.filter_map(|name| name.strip_prefix('"')?.strip_suffix('"'));
        names.filter(|name| !["--help", "-h", "help"].contains(name)).collect()
    }

    #[test]
    fn what_is_listed_is_run() {
        let listed: BTreeSet<_> =
            LIST.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
        assert_eq!(listed, run());
        for name in listed {
            assert!(about(name).starts_with(char::is_lowercase), "{name}: {}", about(name));
        }
    }
}
