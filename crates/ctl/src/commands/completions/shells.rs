//! The same table in the language of each shell. Each walks over the words before the cursor, so
//! far as they are subcommands, and offers what can follow there; where nothing is known, files.

use std::fmt::Write as _;

use super::{Place, Word};

/// The words of a place, separated by spaces.
fn words(place: &Place) -> String {
    let texts = place.subcommands.iter().chain(&place.flags).map(|word| word.text.as_str());
    texts.collect::<Vec<_>>().join(" ")
}

/// All paths of subcommands as patterns of `case`, separated by `separator`.
fn paths(places: &[Place], separator: &str) -> String {
    let paths = places.iter().filter(|place| !place.path.is_empty()).map(|place| format!("'{}'", place.path));
    paths.collect::<Vec<_>>().join(separator)
}

pub fn bash(places: &[Place]) -> String {
    let mut script = format!(
        "_restaurant_ctl() {{
    local word place='' offered=''
    for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do
        case \"$place $word\" in
            {}) place=\"$place $word\" ;;
        esac
    done
    case \"$place\" in\n",
        paths(places, "|")
    );
    push_offers(&mut script, places);
    script.push_str(
        "    esac
    COMPREPLY=($(compgen -W \"$offered\" -- \"${COMP_WORDS[COMP_CWORD]}\"))
}
complete -o default -F _restaurant_ctl restaurant-ctl\n",
    );
    script
}

pub fn zsh(places: &[Place]) -> String {
    let mut script = format!(
        "#compdef restaurant-ctl
_restaurant_ctl() {{
    local word place='' offered=''
    for word in \"${{(@)words[2,CURRENT-1]}}\"; do
        case \"$place $word\" in
            {}) place=\"$place $word\" ;;
        esac
    done
    case \"$place\" in\n",
        paths(places, "|")
    );
    push_offers(&mut script, places);
    script.push_str(
        "    esac
    compadd -- ${=offered} || _files
}
if [ \"$funcstack[1]\" = _restaurant-ctl ]; then _restaurant_ctl; else compdef _restaurant_ctl restaurant-ctl; fi\n",
    );
    script
}

fn push_offers(script: &mut String, places: &[Place]) {
    for place in places {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "        '{}') offered='{}' ;;", place.path, words(place));
    }
}

pub fn fish(places: &[Place]) -> String {
    let mut script = format!(
        "function __restaurant_ctl_place
    set -l place ''
    for word in (commandline -opc)[2..-1]
        switch \"$place $word\"
            case {}
                set place \"$place $word\"
        end
    end
    test \"$place\" = \"$argv[1]\"
end\n",
        paths(places, " ")
    );
    for place in places {
        let condition = format!("complete -c restaurant-ctl -n \"__restaurant_ctl_place '{}'\"", place.path);
        for Word { text, description } in &place.subcommands {
            let _ = writeln!(script, "{condition} -f -a {text} -d {}", quoted(description));
        }
        for Word { text, description } in &place.flags {
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

/// In fish's single quotes, `\` and `'` are escaped.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
