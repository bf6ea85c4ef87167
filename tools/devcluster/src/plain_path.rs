//! Paths that shell scripts without quoting can handle.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::Error;

/// The number of names to try in the folder for temporary files.
const ATTEMPTS: u8 = 20;

/// A path to a folder without spaces and similar characters: the folder's own, else a symbolic link
/// in the folder for temporary files, which is removed on drop. RabbitMQ's start script fails at
/// spaces, and so does its disk monitor. The link has the same name at every start, because
/// RabbitMQ remembers the paths of its streams.
#[derive(Debug)]
pub(crate) struct PlainPath {
    path: PathBuf,
    is_link: bool,
}

impl PlainPath {
    pub(crate) fn of(folder: &Path) -> Result<Self, Error> {
        let folder = folder.canonicalize().map_err(Error::file("find", folder))?;
        if is_plain(&folder) {
            return Ok(Self { path: folder, is_link: false });
        }
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        let name = format!("restaurant-{:x}", hasher.finish());
        let mut last = None;
        for attempt in 0..ATTEMPTS {
            let link = std::env::temp_dir().join(format!("{name}-{attempt}"));
            match symlink(&folder, &link) {
                Ok(()) => return Ok(Self { path: link, is_link: true }),
                // Left over from a killed run.
                Err(_) if is_ours(&link, &folder) => return Ok(Self { path: link, is_link: true }),
                Err(source) => last = Some(Error::file("link", link)(source)),
            }
        }
        Err(last.unwrap_or_else(|| Error::file("link", folder)(std::io::ErrorKind::Other.into())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PlainPath {
    fn drop(&mut self) {
        if self.is_link {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_plain(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(byte))
}

/// The link must be ours: another user could later point it elsewhere.
fn is_ours(link: &Path, folder: &Path) -> bool {
    let owner = link.symlink_metadata().map(|metadata| metadata.uid());
    owner.is_ok_and(|uid| uid == rustix::process::geteuid().as_raw())
        && std::fs::read_link(link).is_ok_and(|target| target == folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_gets_a_link() {
        let folder = tempfile::Builder::new().prefix("with space ").tempdir().unwrap();
        let plain = PlainPath::of(folder.path()).unwrap();
        assert!(is_plain(plain.path()));
        assert_eq!(plain.path().canonicalize().unwrap(), folder.path().canonicalize().unwrap());
        let link = plain.path().to_owned();
        drop(plain);
        assert!(!link.exists() && folder.path().exists());
        assert_eq!(PlainPath::of(folder.path()).unwrap().path(), link, "always the same");
    }

    #[test]
    fn a_plain_path_stays() {
        let folder = tempfile::Builder::new().prefix("plain").tempdir().unwrap();
        assert_eq!(PlainPath::of(folder.path()).unwrap().path(), folder.path().canonicalize().unwrap());
    }
}
