//! Reads the file of an import or a comparison.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use menu_files::{Entry, FileErrors, Format, MAX_BYTES, check_merge};
use runtime::Exit;

/// A file without an error.
pub struct File<T> {
    path: PathBuf,
    format: Format,
    bytes: Vec<u8>,
    /// What it holds.
    pub entries: Vec<T>,
}

impl<T: Entry> File<T> {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, its format is unknown, or something in it is wrong.
    pub fn read(path: PathBuf, format: Option<Format>) -> Result<Self, Exit> {
        let bytes = bytes(&path).map_err(|why| {
            let shown = path.display();
            Exit::Failed(format!("cannot read '{shown}': {why}; name a file in YAML or CSV"))
        })?;
        let Some(format) = format.or_else(|| Format::of_path(&path)) else {
            return Err(Exit::Usage(format!(
                "the name '{}' ends in neither .yaml, .yml nor .csv: say --format yaml or --format csv",
                path.display()
            )));
        };
        if menu_files::says_nothing(format, &bytes) {
            return Err(Exit::Failed(format!(
                "'{}' says nothing, perhaps by mistake; a file that takes everything off has {}",
                path.display(),
                nothing::<T>(format)
            )));
        }
        let entries = menu_files::read(format, &bytes).map_err(|errors| wrong(&path, &errors))?;
        Ok(Self { path, format, bytes, entries })
    }

    /// How messages call it.
    pub fn name(&self) -> impl std::fmt::Display {
        self.path.display()
    }

    /// Checks that its entries can stand beside these.
    ///
    /// # Errors
    /// Some have what only one may have.
    pub fn check_merge(&self, others: &[T]) -> Result<(), Exit> {
        check_merge(self.format, &self.bytes, &self.entries, others)
            .map_err(|errors| wrong(&self.path, &errors))
    }
}

/// The bytes of a file, or a few more than it may have.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The shortest file that holds nothing.
fn nothing<T: Entry>(format: Format) -> String {
    match format {
        Format::Yaml => format!("'{}: []'", T::LIST),
        Format::Csv => "the row with the names of the fields".to_owned(),
    }
}

fn wrong(path: &Path, errors: &FileErrors) -> Exit {
    let shown = path.display();
    Exit::Failed(format!("nothing was taken of '{shown}'. Correct it and try again:\n{errors}"))
}
