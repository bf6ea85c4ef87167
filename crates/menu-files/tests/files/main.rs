//! Files of the menu and of price rules: what is read, what is refused, and in which line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod csv_errors;
mod differences;
mod examples;
mod merging;
mod round_trip;
mod shipped;
mod yaml_errors;

use domain::MenuItem;
use domain::pricing::PriceRule;
use menu_files::{Entry, FileErrors, Format};

fn read<T: Entry>(format: Format, text: &str) -> Result<Vec<T>, FileErrors> {
    menu_files::read(format, text.as_bytes())
}

fn errors<T: Entry>(format: Format, text: impl AsRef<[u8]>) -> Vec<String> {
    match menu_files::read::<T>(format, text.as_ref()) {
        Ok(entries) => panic!("accepted {} entries", entries.len()),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    }
}

fn menu(text: &str) -> Vec<MenuItem> {
    read(Format::Yaml, text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn rules(text: &str) -> Vec<PriceRule> {
    read(Format::Yaml, text).unwrap_or_else(|errors| panic!("{errors}"))
}
