//! Where programs lie: of this release, or of another one.

use std::path::PathBuf;

use devcluster::project;

use super::Launch;

impl Launch {
    /// The program of the same name in this folder.
    #[must_use]
    pub fn built_in(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }

    pub(super) fn path(&self) -> PathBuf {
        let folder = self.folder.clone();
        folder.unwrap_or_else(|| project::programs().expect("a path of its own")).join(self.program)
    }
}
