//! Scripts, styles and images: each is called after its content, so that it can be kept for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Outcome;

/// The module that the running service makes of its configuration. It has no hash.
pub const SETTINGS: &str = "settings.js";
/// Bytes of a hash in a name: enough to tell every version of a file.
const HASH_BYTES: usize = 6;

/// The files that pages refer to, by their names in `static/`.
pub struct Modules(BTreeMap<String, Vec<u8>>);

impl Modules {
    /// Reads all but the shells.
    pub fn read(folder: &Path) -> Outcome<Self> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name in UTF-8")?;
            if path.extension().is_none_or(|extension| extension != "html") {
                files.insert(name.to_owned(), fs::read(&path)?);
            }
        }
        Ok(Self(files))
    }

    /// Adds a file that was made.
    pub fn add(&mut self, name: &str, content: Vec<u8>) {
        self.0.insert(name.to_owned(), content);
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The name that a browser asks for.
    pub fn public_name(&self, name: &str) -> Outcome<String> {
        Ok(self.finished(name, &mut Vec::new())?.0)
    }

    /// All files under their public names, with references to the public names of others.
    pub fn hashed(&self) -> Outcome<BTreeMap<String, Vec<u8>>> {
        self.0.keys().map(|name| self.finished(name, &mut Vec::new())).collect()
    }

    /// A module and everything that it imports, over any number of others, so that a browser need
    /// not find out step by step.
    pub fn with_imports(&self, name: &str) -> Outcome<BTreeSet<String>> {
        let (mut found, mut open) = (BTreeSet::new(), vec![name.to_owned()]);
        while let Some(next) = open.pop() {
            if next != SETTINGS && found.insert(next.clone()) {
                open.extend(references(self.text(&next)?).map(str::to_owned));
            }
        }
        Ok(found)
    }

    fn text(&self, name: &str) -> Outcome<&str> {
        let content = self.0.get(name).ok_or_else(|| format!("static/ has no {name:?}"))?;
        Ok(std::str::from_utf8(content)?)
    }

    /// The public name and content of a file. `above` are the files that refer to it.
    fn finished(&self, name: &str, above: &mut Vec<String>) -> Outcome<(String, Vec<u8>)> {
        if above.iter().any(|each| each == name) {
            return Err(format!("{name} imports itself: {}", above.join(" → ")).into());
        }
        let (stem, extension) = name.rsplit_once('.').ok_or_else(|| format!("{name} has no extension"))?;
        let mut content = self.0.get(name).ok_or_else(|| format!("static/ has no {name:?}"))?.clone();
        if extension == "js" {
            let mut text = String::from_utf8(content)?;
            above.push(name.to_owned());
            let others: BTreeSet<String> = references(&text).map(str::to_owned).collect();
            for other in others.iter().filter(|other| *other != SETTINGS) {
                let (public, _) = self.finished(other, above)?;
                text = text.replace(&format!("\"./{other}\""), &format!("\"./{public}\""));
            }
            above.pop();
            content = text.into_bytes();
        }
        let mut hash = String::new();
        for byte in Sha256::digest(&content).iter().take(HASH_BYTES) {
            write!(hash, "{byte:02x}")?;
        }
        Ok((format!("{stem}.{hash}.{extension}"), content))
    }
}

/// The files that a module refers to: everything in it that looks like "./name".
fn references(text: &str) -> impl Iterator<Item = &str> {
    text.split("\"./").skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name)
}
