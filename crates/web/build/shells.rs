//! The pages' HTML: texts of one language, and the public names of what they load.

use std::fmt::Write as _;

use crate::Outcome;
use crate::modules::{Modules, SETTINGS};
use crate::texts::Texts;

/// A page.
pub struct Page {
    /// The name of its shell.
    pub name: &'static str,
    /// Its variant of `web::Page`.
    pub variant: &'static str,
    /// The way from its address to the service's root. Nothing is absolute, so that a gateway may
    /// put a prefix before all of it.
    pub root: &'static str,
}

/// All pages. A page that stands anywhere is told its root when it is served.
pub const PAGES: &[Page] = &[
    Page { name: "order", variant: "Order", root: "./" },
    Page { name: "track", variant: "Track", root: "../" },
    Page { name: "board", variant: "Board", root: "./" },
    Page { name: "kitchen", variant: "Kitchen", root: "./" },
    Page { name: "cook", variant: "Cook", root: "./" },
    Page { name: "sign-in", variant: "SignIn", root: "./" },
    Page { name: "no-key", variant: "NoKey", root: "./" },
    Page { name: "staff", variant: "Staff", root: "./" },
    Page { name: "docs", variant: "Docs", root: "./" },
    Page { name: "not-found", variant: "NotFound", root: "{root}" },
];

/// Fills a shell.
pub fn fill(page: &Page, shell: &str, texts: &Texts, all: &[Texts], modules: &Modules) -> Outcome<String> {
    let mut filled = String::new();
    let mut parts = shell.split("{{");
    filled.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (key, rest) =
            part.split_once("}}").ok_or_else(|| format!("{}.html: {{{{ without }}}}", page.name))?;
        filled.push_str(&match key {
            "lang" => texts.language.clone(),
            "dir" => texts.get("language.dir")?.to_owned(),
            "texts" => asset(page, &texts.module_name(), modules)?,
            "preloads" => preloads(page, shell, texts, modules)?,
            "languages" => links(texts, all)?,
            key => escaped(texts.get(key)?),
        });
        filled.push_str(rest);
    }
    for attribute in ["href", "src"] {
        filled = refer(page, &filled, attribute, modules)?;
    }
    Ok(filled)
}

/// Lets `href="style.css"` lead to the public name.
fn refer(page: &Page, html: &str, attribute: &str, modules: &Modules) -> Outcome<String> {
    let start = format!(" {attribute}=\"");
    let mut parts = html.split(&start);
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('"').ok_or("an attribute without an end")?;
        let target = if modules.has(name) { asset(page, name, modules)? } else { name.to_owned() };
        done = done + &start + &target + "\"" + rest;
    }
    Ok(done)
}

fn asset(page: &Page, name: &str, modules: &Modules) -> Outcome<String> {
    Ok(format!("{}assets/{}", page.root, modules.public_name(name)?))
}

/// All modules of a page, loaded at once.
fn preloads(page: &Page, shell: &str, texts: &Texts, modules: &Modules) -> Outcome<String> {
    let scripts = shell.split(" src=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let mut targets =
        vec![format!("{}assets/{SETTINGS}", page.root), asset(page, &texts.module_name(), modules)?];
    for (script, _) in scripts {
        for name in modules.with_imports(script)? {
            targets.push(asset(page, &name, modules)?);
        }
    }
    let link = |target: &String| format!("<link rel=\"modulepreload\" href=\"{target}\">");
    Ok(targets.iter().map(link).collect::<Vec<_>>().join("\n  "))
}

/// The same page in the other languages.
fn links(texts: &Texts, all: &[Texts]) -> Outcome<String> {
    let mut links = String::new();
    for other in all.iter().filter(|other| other.language != texts.language) {
        let (code, name) = (&other.language, escaped(other.get("language.name")?));
        write!(links, "<a href=\"?lang={code}\" lang=\"{code}\" hreflang=\"{code}\">{name}</a>")?;
    }
    Ok(links)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
