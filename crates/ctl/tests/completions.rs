//! `restaurant-ctl completions`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::process::{Command, Output};

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

fn ctl(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_restaurant-ctl")).args(words).output().unwrap()
}

fn script(shell: &str) -> String {
    let output = ctl(&["completions", shell]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands and the flags in the help of a command.
fn help(path: &[&str]) -> (Vec<String>, Vec<String>) {
    let output = ctl(&[path, &["--help"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let first_words = |title: &str| -> Vec<String> {
        let section = text.split_once(title).map(|(_, section)| section).unwrap_or_default();
        let lines = section.lines().skip(1).take_while(|line| !line.is_empty());
        let entries = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        entries
            .filter_map(|line| line.split([' ', ',']).find(|word| !word.is_empty()))
            .map(str::to_owned)
            .collect()
    };
    let commands = first_words("Commands:").into_iter().filter(|name| name != "help").collect();
    (commands, first_words("Options:"))
}

/// The words that bash offers after these words.
fn offered(words: &[&str]) -> Vec<String> {
    let line = [&["restaurant-ctl"], words].concat();
    let quoted: Vec<String> = line.iter().map(|word| format!("'{word}'")).collect();
    let program = format!(
        "{}\nCOMP_WORDS=({}); COMP_CWORD={}; _restaurant_ctl; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script("bash"),
        quoted.join(" "),
        words.len(),
    );
    let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_subcommand_and_flag_is_offered() {
    let (commands, _) = help(&[]);
    assert_eq!(
        commands,
        [
            "migrate",
            "broker-users",
            "audit",
            "doctor",
            "dlq",
            "menu",
            "prices",
            "prune",
            "exporter",
            "backup",
            "restore",
            "release",
            "completions"
        ]
    );
    let mut paths: Vec<Vec<&str>> = commands.iter().map(|name| vec![name.as_str()]).collect();
    let (inner, _) = help(&["dlq"]);
    assert_eq!(inner, ["list", "show", "replay", "drop", "export"]);
    paths.extend(inner.iter().map(|name| vec!["dlq", name.as_str()]));
    for command in ["menu", "prices"] {
        assert_eq!(help(&[command]).0, ["export", "import", "diff"]);
        paths.extend(["export", "import", "diff"].map(|name| vec![command, name]));
    }
    assert_eq!(offered(&[""])[..commands.len()], commands);
    for path in paths {
        let (commands, flags) = help(&path);
        let words = offered(&[&path[..], &[""]].concat());
        let shells = if path == ["completions"] { &SHELLS[..] } else { &[] };
        let shells = shells.iter().map(|shell| (*shell).to_owned()).collect();
        let expected = [commands, flags.clone(), shells].concat();
        assert_eq!(BTreeSet::from_iter(&words), BTreeSet::from_iter(&expected), "{path:?}");
        let (zsh, fish, words) = (script("zsh"), script("fish"), words.join(" "));
        let place = format!(" {}", path.join(" "));
        assert!(zsh.contains(&format!("'{place}') offered='{words}' ;;")), "{place}: {zsh}");
        for flag in flags {
            let flag = flag.trim_start_matches('-');
            let line = format!("-n \"__restaurant_ctl_place '{place}'\" -l {flag} ");
            assert!(fish.contains(&line), "{line}: {fish}");
        }
    }
}

#[test]
fn a_partial_word_is_completed() {
    assert_eq!(offered(&["com"]), ["completions"]);
    assert_eq!(offered(&["dlq", "re"]), ["replay"]);
    assert_eq!(offered(&["completions", ""])[..3], SHELLS);
    assert_eq!(offered(&["dlq", "list", "--json", "--re"]), ["--reason"]);
    assert_eq!(offered(&["dlq", "show", "0123456789abcdef", "--j"]), ["--json"]);
    assert!(offered(&["nonsense", "com"]).contains(&"completions".to_owned()));
}

/// The script of a shell can only be checked where the shell is installed.
#[test]
fn each_shell_that_is_here_understands_its_script() {
    for shell in ["bash", "zsh", "fish"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        std::fs::write(&path, script(shell)).unwrap();
        match Command::new(shell).arg("-n").arg(&path).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(why) => assert!(why.kind() == ErrorKind::NotFound && shell != "bash", "{shell}: {why}"),
        }
    }
}

#[test]
fn another_shell_is_a_mistake() {
    let output = ctl(&["completions", "tcsh"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("allowed: bash, zsh, fish"));
}
