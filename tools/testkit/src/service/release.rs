//! Programs of another release.

use std::path::PathBuf;

use super::Launch;

impl Launch {
    /// The program of the same name in this folder.
    #[must_use]
    pub fn built_in(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }
}
