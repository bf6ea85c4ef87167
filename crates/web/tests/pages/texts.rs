//! The texts: every language says all of it, and every key is used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Texts = BTreeMap<String, String>;

/// The forms that a language may have for numbers (Unicode CLDR).
const FORMS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

fn read(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn languages() -> BTreeMap<String, Texts> {
    read("texts").into_iter().map(|(name, text)| (name, serde_json::from_str(&text).unwrap())).collect()
}

/// A key without the form of its number.
fn stem(key: &str) -> &str {
    key.rsplit_once('.').filter(|(_, form)| FORMS.contains(form)).map_or(key, |(stem, _)| stem)
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

#[test]
fn every_language_says_everything() {
    let languages = languages();
    assert!(languages.len() >= 2);
    let english = &languages["en.json"];
    let stems = |texts: &Texts| texts.keys().map(|key| stem(key).to_owned()).collect::<BTreeSet<_>>();
    for (name, texts) in &languages {
        assert_eq!(stems(texts), stems(english), "{name}");
        for (key, text) in texts {
            assert!(!text.trim().is_empty(), "{name}: {key}");
            // A form of a number may say it in a word: one, two.
            let (of, mut expected) = (stem(key), BTreeSet::new());
            for (_, text) in english.iter().filter(|(each, _)| stem(each) == of) {
                expected.extend(placeholders(text));
            }
            let found = placeholders(text);
            let missing: Vec<_> = expected.difference(&found).filter(|name| **name != "n").collect();
            assert!(missing.is_empty() && found.is_subset(&expected), "{name}: {key}: {text}");
        }
    }
}

#[test]
fn arabic_is_written_from_right_to_left_and_in_its_letters() {
    let languages = languages();
    let arabic = &languages["ar.json"];
    assert_eq!(arabic["language.dir"], "rtl");
    for (key, text) in
        arabic.iter().filter(|(key, _)| !["language.dir", "track.title_status"].contains(&key.as_str()))
    {
        assert!(text.chars().any(|c| ('\u{600}'..='\u{6ff}').contains(&c)), "{key}: {text}");
    }
}

#[test]
fn every_text_is_used_and_every_used_text_is_there() {
    let languages = languages();
    let english = &languages["en.json"];
    let sources: String = read("static").into_values().collect::<Vec<_>>().join("\n");
    let stems: BTreeSet<&str> = english.keys().map(|key| stem(key)).collect();
    // t("key") and {{key}} name one, t(`start.${…}`) all that begin so.
    let quoted = |start: &str, end: char| {
        sources.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect::<BTreeSet<_>>()
    };
    let mut named = quoted("t(\"", '"');
    named.extend(quoted("{{", '}').into_iter().filter(|key| key.contains('.')));
    named.extend(quoted("title(\"", '"'));
    named.extend(quoted("next(\"", '"'));
    let starts = quoted("t(`", '$');
    for key in &named {
        let is_key = key.contains('.')
            && !key.starts_with('.')
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
        assert!(!is_key || stems.contains(key), "no text for {key}");
    }
    let is_used = |key: &str| {
        named.contains(key)
            || sources.contains(&format!("\"{key}\""))
            || starts.iter().any(|start| !start.is_empty() && key.starts_with(start))
            || key.starts_with("language.")
            || key.starts_with("error.")
    };
    let unused: Vec<_> = stems.into_iter().filter(|key| !is_used(key)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}
