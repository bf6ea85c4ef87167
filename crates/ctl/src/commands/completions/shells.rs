//! Writes the table in the language of each shell. Each script follows the words before the cursor
//! as long as they are subcommands. It offers what can follow, or files if nothing is known.

use std::fmt::Write as _;

use super::{Position, Word};

/// The words that can be typed at a position, separated by spaces.
fn words(position: &Position) -> String {
    let texts = position.subcommands.iter().chain(&position.flags).map(|word| word.text.as_str());
    texts.collect::<Vec<_>>().join(" ")
}

/// All paths of subcommands as patterns of `case`, separated by `separator`.
fn paths(positions: &[Position], separator: &str) -> String {
    let paths = positions
        .iter()
        .filter(|position| !position.path.is_empty())
        .map(|position| format!("'{}'", position.path));
    paths.collect::<Vec<_>>().join(separator)
}

pub fn bash(positions: &[Position]) -> String {
    let mut script = format!(
        "_restaurant_ctl() {{
    local word position='' offered=''
    for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do
        case \"$position $word\" in
            {}) position=\"$position $word\" ;;
        esac
    done
    case \"$position\" in\n",
        paths(positions, "|")
    );
    push_offers(&mut script, positions);
    script.push_str(
        "    esac
    COMPREPLY=($(compgen -W \"$offered\" -- \"${COMP_WORDS[COMP_CWORD]}\"))
}
complete -o default -F _restaurant_ctl restaurant-ctl\n",
    );
    script
}

pub fn zsh(positions: &[Position]) -> String {
    let mut script = format!(
        "#compdef restaurant-ctl
_restaurant_ctl() {{
    local word position='' offered=''
    for word in \"${{(@)words[2,CURRENT-1]}}\"; do
        case \"$position $word\" in
            {}) position=\"$position $word\" ;;
        esac
    done
    case \"$position\" in\n",
        paths(positions, "|")
    );
    push_offers(&mut script, positions);
    script.push_str(
        "    esac
    compadd -- ${=offered} || _files
}
if [ \"$funcstack[1]\" = _restaurant-ctl ]; then _restaurant_ctl; else compdef _restaurant_ctl restaurant-ctl; fi\n",
    );
    script
}

fn push_offers(script: &mut String, positions: &[Position]) {
    for position in positions {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "        '{}') offered='{}' ;;", position.path, words(position));
    }
}

pub fn fish(positions: &[Position]) -> String {
    let mut script = format!(
        "function __restaurant_ctl_place
    set -l position ''
    for word in (commandline -opc)[2..-1]
        switch \"$position $word\"
            case {}
                set position \"$position $word\"
        end
    end
    test \"$position\" = \"$argv[1]\"
end\n",
        paths(positions, " ")
    );
    for position in positions {
        let condition =
            format!("complete -c restaurant-ctl -n \"__restaurant_ctl_place '{}'\"", position.path);
        for Word { text, description } in &position.subcommands {
            let _ = writeln!(script, "{condition} -f -a {text} -d {}", quoted(description));
        }
        for Word { text, description } in &position.flags {
            let _ = writeln!(
                script,
                "{condition} -l {} -d {}",
                text.trim_start_matches('-'),
                quoted(description)
            );
        }
    }
    script
}

/// Fish's single quotes need `\` and `'` escaped.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
