//! The texts of one language.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Outcome;

/// The texts of a language, by their keys.
pub struct Texts {
    /// Its code, such as `ar`: the name of its file.
    pub language: String,
    all: BTreeMap<String, String>,
}

/// All languages, English first: it is what is spoken if nothing else is asked for.
pub fn all(folder: &Path) -> Outcome<Vec<Texts>> {
    let mut languages = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let language = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a name in UTF-8")?;
        let text = fs::read_to_string(&path)?;
        let all = serde_json::from_str(&text).map_err(|why| format!("{}: {why}", path.display()))?;
        languages.push(Texts { language: language.to_owned(), all });
    }
    languages.sort_by_key(|texts| (texts.language != "en", texts.language.clone()));
    Ok(languages)
}

impl Texts {
    /// The text of a key.
    pub fn get(&self, key: &str) -> Outcome<&str> {
        let found = self.all.get(key).map(String::as_str);
        found.ok_or_else(|| format!("texts/{}.json has no {key:?}", self.language).into())
    }

    /// The name of its module.
    pub fn module_name(&self) -> String {
        format!("texts-{}.js", self.language)
    }

    /// The module that pages load.
    pub fn module(&self) -> String {
        format!("export default {};\n", serde_json::json!(self.all))
    }
}
