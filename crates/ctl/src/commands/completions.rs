//! `completions`: shell completions for every subcommand and flag.

mod shells;

use argh::{ArgsInfo, CommandInfoWithArgs, FromArgs};
use runtime::Exit;

const COMMAND: &str = "completions";
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Prints the completions of a shell: bash, zsh or fish. For bash: source
/// <(restaurant-ctl completions bash)
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "completions")]
pub struct Arguments {
    /// bash, zsh or fish
    #[argh(positional)]
    shell: String,
}

/// A word that can be typed at a position, and its description.
struct Word {
    text: String,
    description: String,
}

/// A position on the command line, after some subcommands.
struct Position {
    /// Those subcommands, each after a space. Empty at the beginning.
    path: String,
    subcommands: Vec<Word>,
    flags: Vec<Word>,
}

/// Prints the completions of the program that this describes.
pub fn run(arguments: &Arguments, program: &CommandInfoWithArgs) -> Result<(), Exit> {
    let mut positions = Vec::new();
    collect(program, "", &mut positions);
    let script = match arguments.shell.as_str() {
        "bash" => shells::bash(&positions),
        "zsh" => shells::zsh(&positions),
        "fish" => shells::fish(&positions),
        other => {
            return Err(Exit::Usage(format!(
                "completions: there are none for '{other}' (allowed: bash, zsh, fish)"
            )));
        }
    };
    Err(Exit::Output(script))
}

fn collect(command: &CommandInfoWithArgs, path: &str, positions: &mut Vec<Position>) {
    let mut subcommands: Vec<Word> = command
        .commands
        .iter()
        .map(|inner| Word {
            text: inner.name.to_owned(),
            description: first_sentence(inner.command.description),
        })
        .collect();
    if command.name == COMMAND {
        subcommands.extend(SHELLS.map(|shell| Word { text: shell.to_owned(), description: String::new() }));
    }
    let flags = command
        .flags
        .iter()
        .filter(|flag| !flag.hidden)
        .map(|flag| Word { text: flag.long.to_owned(), description: flag.description.to_owned() });
    positions.push(Position { path: path.to_owned(), subcommands, flags: flags.collect() });
    for inner in &command.commands {
        collect(&inner.command, &format!("{path} {}", inner.name), positions);
    }
}

fn first_sentence(text: &str) -> String {
    text.split_inclusive(". ").next().unwrap_or(text).trim().trim_end_matches('.').to_owned()
}
