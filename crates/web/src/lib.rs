//! The pages that guests and staff see, embedded and served.
//!
//! A page is a static shell with ES modules and custom elements. Its data comes from the JSON
//! interfaces, like everybody's. `build.rs` makes all that browsers get out of `static/` and
//! `texts/`: names with a hash, compressed content, shells in every language.

mod encoding;
mod files;
mod for_staff;
mod language;
mod not_found;
mod policy;
mod serving;
mod settings;

pub use files::Page;
pub use for_staff::show_to_staff;
pub use not_found::not_found;
pub use serving::{__path_docs, asset_routes, docs, show};
pub use settings::Settings;
