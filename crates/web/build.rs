//! Makes the files that browsers get out of `static/` and `texts/`: names with a hash of their
//! content, references that follow the names, shells in every language, and all of it compressed.
//! Nothing but this crate is needed for that, so there is no build step to forget.

#[path = "build/compress.rs"]
mod compress;
#[path = "build/modules.rs"]
mod modules;
#[path = "build/shells.rs"]
mod shells;
#[path = "build/table.rs"]
mod table;
#[path = "build/texts.rs"]
mod texts;
#[path = "build/vendored.rs"]
mod vendored;

use std::error::Error;
use std::fs;
use std::path::Path;

use modules::Modules;
use table::Table;
use texts::Texts;

/// What makes a build fail: a text that says where and why.
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    for folder in ["static", "texts", "build", "uplot"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    let languages = texts::all(Path::new("texts"))?;
    let mut modules = Modules::read(Path::new("static"))?;
    for texts in &languages {
        modules.add(&texts.module_name(), texts.module().into_bytes());
    }
    vendored::add(Path::new("uplot"), &mut modules)?;
    let mut table = Table::new(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    for (name, content) in modules.hashed()? {
        table.asset(&name, &content)?;
    }
    for page in shells::PAGES {
        let shell = fs::read_to_string(format!("static/{}.html", page.name))?;
        for texts in &languages {
            let html = shells::fill(page, &shell, texts, &languages, &modules)?;
            table.page(page, &texts.language, &html)?;
        }
    }
    let languages: Vec<&str> = languages.iter().map(|texts: &Texts| texts.language.as_str()).collect();
    table.write(&languages)
}
