//! Starts cargo from a program that cargo itself runs.

use std::process::Command;

/// What cargo tells a program that it runs about the program's own package.
const OF_THE_PACKAGE: [&str; 8] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_MANIFEST_LINKS",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_RUSTC_CURRENT_DIR",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
];
/// The beginnings of the names of all others.
const FAMILIES: [&str; 3] = ["CARGO_PKG_", "CARGO_BIN_NAME", "CARGO_BIN_EXE_"];

/// The cargo that runs this program, or that of `PATH`.
///
/// It starts as from a shell. The variables about this program's package are left out: build
/// scripts such as ring's run again when one of them changes. So what the inner cargo built, the
/// outer one would build anew, and the other way round.
pub fn command() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_the_package) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_the_package(name: &str) -> bool {
    OF_THE_PACKAGE.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_told_this_program_is_told_to_no_other_cargo() {
        let command = command();
        let removed: Vec<&str> = command
            .get_envs()
            .filter_map(|(name, value)| if value.is_none() { name.to_str() } else { None })
            .collect();
        // This test is run by cargo, which sets both.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_VERSION"] {
            assert!(std::env::var_os(name).is_none() || removed.contains(&name), "{name}");
        }
        assert!(!removed.contains(&"CARGO") && !removed.contains(&"PATH"), "{removed:?}");
    }

    #[test]
    fn settings_of_cargo_stay() {
        for name in ["CARGO_PKG_NAME", "CARGO_BIN_EXE_xtask", "CARGO_MANIFEST_PATH", "OUT_DIR"] {
            assert!(is_of_the_package(name), "{name}");
        }
        for name in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_NET_OFFLINE",
            "CARGO_BUILD_JOBS",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!is_of_the_package(name), "{name}");
        }
    }
}
