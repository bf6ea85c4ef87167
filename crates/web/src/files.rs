//! All files, as `build.rs` made them.

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Where guests order.
    Order,
    /// Where a guest sees what becomes of an order.
    Track,
    /// The numbers of all orders, on a wall.
    Board,
    /// The tickets of the kitchen, to look at.
    Kitchen,
    /// The tickets of a worker, to cook with.
    Cook,
    /// Where the staff signs in. It is shown in place of a page one step below the service's root.
    SignIn,
    /// The same, while no staff key is configured.
    NoKey,
    /// Where the staff sees what goes on, and changes it.
    Staff,
    /// The description of the service's interface.
    Docs,
    /// For addresses that do not exist.
    NotFound,
}

/// Content in all its encodings.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    pub identity: &'static [u8],
    pub gzip: &'static [u8],
    pub brotli: &'static [u8],
}

/// A file that pages load. Its name changes with its content.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    pub name: &'static str,
    pub media_type: &'static str,
    pub body: Body,
}

/// A page in a language.
#[derive(Clone, Copy, Debug)]
pub struct Shell {
    pub page: Page,
    pub language: &'static str,
    pub body: Body,
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// The file of a name.
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// A page in one of [`LANGUAGES`].
pub fn shell(page: Page, language: &str) -> Option<&'static Shell> {
    SHELLS.iter().find(|shell| shell.page == page && shell.language == language)
}
