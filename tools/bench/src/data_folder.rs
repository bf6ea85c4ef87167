//! The data folder of a run's servers. It also removes the folders of killed runs.

use std::path::Path;

use anyhow::Result;
use fs_err::{self as fs, File};
use tempfile::TempDir;

const PREFIX: &str = "data-";
/// The file whose lock shows that the run is alive.
const HELD: &str = "held";

/// A folder that is removed on drop, or by the next run.
pub struct DataFolder {
    folder: TempDir,
    _held: File,
}

impl DataFolder {
    /// Creates the folder in the results folder. Other runs use other names.
    pub fn create(results: &Path) -> Result<Self> {
        remove_left(results);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(results)?;
        // Lock the file before other runs can see it under its name.
        let unseen = folder.path().join("unseen");
        let held = File::create(&unseen)?;
        held.lock()?;
        fs::rename(&unseen, folder.path().join(HELD))?;
        Ok(Self { folder, _held: held })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// What cannot be removed is left to the next run.
fn remove_left(results: &Path) {
    for entry in fs::read_dir(results).into_iter().flatten().flatten() {
        let left = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && File::open(entry.path().join(HELD)).is_ok_and(|file| file.try_lock().is_ok());
        if left {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_goes_and_what_a_living_one_has_stays() {
        let results = tempfile::tempdir().unwrap();
        let living = DataFolder::create(results.path()).unwrap();
        let DataFolder { folder, _held: held } = DataFolder::create(results.path()).unwrap();
        let killed = folder.keep();
        let not_ours = results.path().join("data-of-somebody");
        fs::create_dir(&not_ours).unwrap();
        let next = DataFolder::create(results.path()).unwrap();
        assert!(killed.exists(), "it is still held");
        drop((held, next));
        let next = DataFolder::create(results.path()).unwrap();
        assert!(!killed.exists());
        assert!([living.path(), next.path(), &not_ours].iter().all(|folder| folder.exists()));
    }
}
