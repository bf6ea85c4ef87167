//! Parses the command line with argh, and adds what argh lacks: `--flag=value`, `-h` and
//! `--version`.

use std::ffi::OsString;

use argh::FromArgs;
use telemetry::Build;

use crate::Exit;

/// Parses the arguments of this process.
///
/// # Errors
/// [`Exit::Output`] for `--help` and `--version`, [`Exit::Usage`] for invalid arguments.
pub fn parse<T: FromArgs>(program: &str) -> Result<T, Exit> {
    parse_from(program, std::env::args_os().skip(1))
}

/// Parses the given arguments. `program` is the name that the help shows.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_from<T: FromArgs>(program: &str, arguments: impl Iterator<Item = OsString>) -> Result<T, Exit> {
    let mut words = Vec::new();
    for argument in arguments {
        let argument = argument.into_string().map_err(|argument| {
            let shown = argument.to_string_lossy().into_owned();
            Exit::Usage(format!("{program}: the argument '{shown}' is not valid UTF-8; write it in UTF-8"))
        })?;
        match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => {
                words.extend([flag.to_owned(), value.to_owned()]);
            }
            _ if argument == "-h" => words.push("--help".to_owned()),
            _ if argument == "--version" => {
                return Err(Exit::Output(format!("{program} {}", Build::of_this_program())));
            }
            _ => words.push(argument),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    T::from_args(&[program], &words).map_err(|early| match early.status {
        Ok(()) => Exit::Output(early.output),
        Err(()) => Exit::Usage(format!(
            "{program}: {}\nRun '{} --help' for what it takes.",
            readable(early.output.trim()),
            command_of::<T>(program, &words)
        )),
    })
}

/// The program and the subcommands that these words name, as the help writes them.
fn command_of<T: FromArgs>(program: &str, words: &[&str]) -> String {
    let leading = words.iter().take_while(|word| !word.starts_with('-')).count();
    let help = |count| {
        let asked: Vec<&str> = words.iter().copied().take(count).chain(["--help"]).collect();
        let answer = T::from_args(&[program], &asked).err().filter(|answer| answer.status.is_ok())?;
        let usage = answer.output.lines().next()?.strip_prefix("Usage: ")?;
        // An option that must be there stands in no brackets.
        let command: Vec<&str> =
            usage.split(' ').take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
        Some(command.join(" "))
    };
    (0..=leading).rev().find_map(help).unwrap_or_else(|| program.to_owned())
}

/// The standard library's messages for invalid numbers, and clearer ones.
const NUMBER_FAULTS: [(&str, &str); 5] = [
    ("number too large to fit in target type", "the number is too large"),
    ("number too small to fit in target type", "the number is too small"),
    ("invalid digit found in string", "that is no whole number, or has a sign"),
    ("cannot parse integer from empty string", "a number is missing"),
    ("invalid float literal", "that is no number"),
];

fn readable(complaint: &str) -> String {
    let text = NUMBER_FAULTS.iter().fold(complaint.to_owned(), |text, (from, to)| text.replace(from, to));
    // The same flag in every service that listens.
    if text.starts_with("Error parsing option '--port'") { text + " (allowed: 0 to 65535)" } else { text }
}

/// Checks the `--mode` that every service binary accepts, so that it can be called like the
/// wrapper.
///
/// # Errors
/// [`Exit::Usage`] if another service was meant.
pub fn check_mode(mode: Option<&str>, own: &str) -> Result<(), Exit> {
    match mode {
        Some(other) if other != own => Err(Exit::Usage(format!(
            "{own}: --mode is '{other}', but this program is only '{own}'. Run 'restaurant-system --mode={other}' instead."
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// takes orders
    #[derive(FromArgs, Debug, PartialEq)]
    #[argh(subcommand, name = "order")]
    struct Arguments {
        /// the HTTP port (default 3000)
        #[argh(option, default = "3000")]
        port: u16,
        /// a text
        #[argh(option, default = "String::new()")]
        text: String,
        /// a switch
        #[argh(switch)]
        fast: bool,
    }

    fn read(words: &[&str]) -> Result<Arguments, Exit> {
        parse_from("order-service", words.iter().map(OsString::from))
    }

    #[test]
    fn both_forms_of_a_flag_work() {
        let expected = Arguments { port: 80, text: "a=b --c".to_owned(), fast: true };
        assert_eq!(read(&["--port=80", "--text=a=b --c", "--fast"]).unwrap(), expected);
        assert_eq!(read(&["--port", "80", "--text", "a=b --c", "--fast"]).unwrap(), expected);
    }

    #[test]
    fn help_and_version_are_answers() {
        for words in [["--help"], ["-h"]] {
            let Err(Exit::Output(text)) = read(&words) else { panic!("no answer to {words:?}") };
            assert!(text.contains("takes orders") && text.contains("--port"), "{text}");
        }
        assert_eq!(
            read(&["--version"]),
            Err(Exit::Output(format!("order-service {} (unknown)", env!("CARGO_PKG_VERSION"))))
        );
    }

    #[test]
    fn mistakes_name_the_argument() {
        for (words, part) in [(["--port=x"], "port"), (["--prot=1"], "--prot"), (["--port"], "--port")] {
            let Err(Exit::Usage(text)) = read(&words) else { panic!("accepted {words:?}") };
            assert!(text.contains(part), "{text}");
        }
    }

    /// has commands
    #[derive(FromArgs, Debug, PartialEq)]
    struct WithCommands {
        #[argh(subcommand)]
        command: Arguments,
    }

    #[test]
    fn the_help_of_the_command_that_was_meant_is_named() {
        for (words, command) in [
            (vec!["order", "--port=x"], "tool order"),
            (vec!["order", "surplus"], "tool order"),
            (vec!["odrer"], "tool"),
            (vec![], "tool"),
        ] {
            let read = parse_from::<WithCommands>("tool", words.iter().map(OsString::from));
            let Err(Exit::Usage(text)) = read else { panic!("accepted {words:?}") };
            assert!(text.ends_with(&format!("\nRun '{command} --help' for what it takes.")), "{text}");
        }
    }

    /// has an option that must be there
    #[derive(FromArgs, Debug, PartialEq)]
    #[argh(subcommand, name = "prune")]
    struct Demanding {
        /// an age in days
        #[argh(option)]
        older_than: u32,
    }

    /// has a command that must be told something
    #[derive(FromArgs, Debug, PartialEq)]
    struct WithDemands {
        #[argh(subcommand)]
        command: Demanding,
    }

    #[test]
    fn an_option_that_must_be_there_is_no_part_of_the_command() {
        for words in [vec!["prune", "--older-than=x"], vec!["prune"], vec!["prune", "--older-then=1"]] {
            let read = parse_from::<WithDemands>("tool", words.iter().map(OsString::from));
            let Err(Exit::Usage(text)) = read else { panic!("accepted {words:?}") };
            assert!(text.ends_with("\nRun 'tool prune --help' for what it takes."), "{text}");
        }
        let alone = parse_from::<Demanding>("prune-tool", std::iter::once(OsString::from("--older-than=x")));
        let Err(Exit::Usage(text)) = alone else { panic!("accepted") };
        assert!(text.ends_with("\nRun 'prune-tool --help' for what it takes."), "{text}");
    }

    #[test]
    fn numbers_that_are_none_are_explained() {
        for (word, part) in [
            ("--port=99999", "the number is too large (allowed: 0 to 65535)"),
            ("--port=-1", "that is no whole number, or has a sign (allowed: 0 to 65535)"),
            ("--port=", "a number is missing"),
        ] {
            let Err(Exit::Usage(text)) = read(&[word]) else { panic!("accepted {word}") };
            assert!(text.contains(part) && text.contains("--port"), "{text}");
        }
    }

    #[test]
    fn another_mode_is_refused() {
        assert_eq!(check_mode(None, "order-service"), Ok(()));
        assert_eq!(check_mode(Some("order-service"), "order-service"), Ok(()));
        assert!(matches!(check_mode(Some("kitchen-worker"), "order-service"), Err(Exit::Usage(_))));
    }
}
