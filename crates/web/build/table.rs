//! The table of all files that `src/files.rs` includes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::compress::{brotli, gzip};
use crate::shells::Page;

/// Rust source, and the files that it embeds.
pub struct Table {
    folder: PathBuf,
    assets: String,
    pages: String,
}

impl Table {
    /// A table in the folder that cargo gives a build script.
    pub fn new(folder: OsString) -> Self {
        Self { folder: folder.into(), assets: String::new(), pages: String::new() }
    }

    /// Adds a file.
    pub fn asset(&mut self, name: &str, content: &[u8]) -> Outcome<()> {
        let media_type = match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => return Err(format!("{name}: a kind of file without a media type").into()),
        };
        let body = self.body(name, content)?;
        writeln!(self.assets, "Asset {{ name: {name:?}, media_type: {media_type:?}, body: {body} }},")?;
        Ok(())
    }

    /// Adds a page in a language.
    pub fn page(&mut self, page: &Page, language: &str, html: &str) -> Outcome<()> {
        let body = self.body(&format!("{}.{language}.html", page.name), html.as_bytes())?;
        let variant = page.variant;
        writeln!(self.pages, "Shell {{ page: Page::{variant}, language: {language:?}, body: {body} }},")?;
        Ok(())
    }

    fn body(&self, name: &str, content: &[u8]) -> Outcome<String> {
        let mut fields = Vec::new();
        for (field, extension, content) in [
            ("identity", "", content.to_vec()),
            ("gzip", ".gz", gzip(content)?),
            ("brotli", ".br", brotli(content)?),
        ] {
            fs::write(self.folder.join(format!("{name}{extension}")), content)?;
            let path = format!("concat!(env!(\"OUT_DIR\"), {:?})", format!("/{name}{extension}"));
            fields.push(format!("{field}: include_bytes!({path})"));
        }
        Ok(format!("Body {{ {} }}", fields.join(", ")))
    }

    /// Writes the table.
    pub fn write(self, languages: &[&str]) -> Outcome<()> {
        let Self { folder, assets, pages } = self;
        let table = [
            "/// Every file but the pages, by the name that browsers ask for.",
            &format!("pub static ASSETS: &[Asset] = &[\n{assets}];"),
            "/// Every page in every language.",
            &format!("pub static SHELLS: &[Shell] = &[\n{pages}];"),
            "/// The languages, the one for everybody first.",
            &format!("pub static LANGUAGES: &[&str] = &{languages:?};\n"),
        ];
        let table = table.join("\n");
        Ok(fs::write(folder.join("table.rs"), table)?)
    }
}
