//! The folder of a backup: what is in it, and whether it is as it was written.
//!
//! ```text
//! manifest.json                   what this is, of which server, from when; written last
//! rabbitmq-definitions.json       exchanges, queues and bindings
//! postgresql/                     a data folder of PostgreSQL, with its own backup_manifest
//! ```

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use db::session::RESTORED_FROM;
use domain::OrderNumber;
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The folder with the data of PostgreSQL.
pub const POSTGRESQL: &str = "postgresql";
/// The definitions for RabbitMQ.
pub const DEFINITIONS: &str = "rabbitmq-definitions.json";
/// PostgreSQL's own list of its files and their checksums.
const FILES_OF_POSTGRESQL: &str = "postgresql/backup_manifest";
const MANIFEST: &str = "manifest.json";
/// The format that this program writes and reads.
const FORMAT: u32 = 1;
/// A larger manifest is none of ours, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// Its id, a UUID. The table `backups` has it too.
    pub id: String,
    /// When it was begun, by the database's clock.
    pub started_at: Timestamp,
    /// When it was complete, by the database's clock.
    pub finished_at: Timestamp,
    /// The program that took it, with its version.
    pub program: String,
    /// The server that it is of.
    pub postgresql: Postgresql,
    /// The last number of each of the newest days when it was complete.
    pub last_numbers: Vec<OrderNumber>,
    /// Further files and their checksums.
    pub files: Vec<ListedFile>,
}

/// A PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postgresql {
    /// For example `15.8`.
    pub version: String,
    /// A server and its backups have the same.
    pub system_identifier: String,
    /// The database with the orders.
    pub database: String,
    /// The version of its schema.
    pub schema_version: i32,
}

/// A file of the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Its path in the folder.
    pub name: String,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Why a folder is no backup.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no manifest: it is written last.
    #[error("'{}' has no {MANIFEST}: it is no backup, or one that was not finished", .0.display())]
    Unfinished(PathBuf),
    /// The manifest is not ours.
    #[error("'{}' is not understood: {why}. Was it written by a newer version?", path.display())]
    NotUnderstood {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A file is not as it was written.
    #[error("'{}' is not as it was written: its checksum differs. Use another backup", .0.display())]
    Damaged(PathBuf),
    /// A file cannot be read or written.
    #[error("'{}' cannot be used", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        why: io::Error,
    },
}

/// The folder of a backup.
#[derive(Clone, Debug)]
pub struct BackupFolder(PathBuf);

impl BackupFolder {
    /// Makes a new folder, which only its owner may enter. An empty one is taken as it is.
    ///
    /// # Errors
    /// There is something in it, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(at(path))?;
        if fs::read_dir(path).map_err(at(path))?.next().is_some() {
            return Err(at(path)(io::ErrorKind::DirectoryNotEmpty.into()));
        }
        owner_only(path).map_err(at(path))?;
        Ok(Self(path.to_owned()))
    }

    /// A folder that a backup was written to.
    pub fn existing(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The path of something in it.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file of it, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), FolderError> {
        let path = self.path_of(name);
        let mut file = File::create_new(&path).map_err(at(&path))?;
        file.write_all(contents).and_then(|()| file.sync_all()).map_err(at(&path))
    }

    /// Fences the data: the server that starts on it takes no writes, and knows its backup.
    /// PostgreSQL leaves this file out of the checksums of a backup.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn fence(&self, id: &str) -> Result<(), FolderError> {
        let path = self.path_of(POSTGRESQL).join("postgresql.auto.conf");
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(at(&path))?;
        let settings = format!("default_transaction_read_only = 'on'\n{RESTORED_FROM} = '{id}'\n");
        file.write_all(settings.as_bytes()).and_then(|()| file.sync_all()).map_err(at(&path))
    }

    /// Completes the backup.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn complete(&self, mut manifest: Manifest) -> Result<Manifest, FolderError> {
        for name in [FILES_OF_POSTGRESQL, DEFINITIONS] {
            let sha256 = sha256_of(&self.path_of(name))?;
            manifest.files.push(ListedFile { name: name.to_owned(), sha256 });
        }
        let text = serde_json::to_string_pretty(&manifest).map_err(|why| FolderError::NotUnderstood {
            path: self.path_of(MANIFEST),
            why: why.to_string(),
        })?;
        self.write(MANIFEST, format!("{text}\n").as_bytes())?;
        File::open(&self.0).and_then(|folder| folder.sync_all()).map_err(at(&self.0))?;
        Ok(manifest)
    }

    /// Reads the manifest, and compares the checksums of what it lists. What PostgreSQL lists
    /// itself is `pg_verifybackup`'s; that folder may have been moved to where its server is.
    ///
    /// # Errors
    /// It is no complete backup of ours, or damaged.
    pub fn read(&self) -> Result<Manifest, FolderError> {
        let path = self.path_of(MANIFEST);
        let metadata = path.metadata().map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => FolderError::Unfinished(self.0.clone()),
            _ => at(&path)(why),
        })?;
        let not_understood = |why: String| FolderError::NotUnderstood { path: path.clone(), why };
        if metadata.len() > MAX_MANIFEST {
            return Err(not_understood(format!("it has {} bytes", metadata.len())));
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|why| not_understood(why.to_string()))?;
        if manifest.format != FORMAT {
            return Err(not_understood(format!("its format is {}, not {FORMAT}", manifest.format)));
        }
        let moved = !self.path_of(POSTGRESQL).exists();
        for file in manifest.files.iter().filter(|file| !(moved && file.name == FILES_OF_POSTGRESQL)) {
            let path = self.path_of(&file.name);
            if sha256_of(&path)? != file.sha256 {
                return Err(FolderError::Damaged(path));
            }
        }
        Ok(manifest)
    }
}

impl Manifest {
    /// One that is not complete yet.
    pub fn new(
        id: String,
        program: String,
        started_at: Timestamp,
        finished_at: Timestamp,
        postgresql: Postgresql,
        last_numbers: Vec<OrderNumber>,
    ) -> Self {
        Self {
            format: FORMAT,
            id,
            started_at,
            finished_at,
            program,
            postgresql,
            last_numbers,
            files: Vec::new(),
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |why| FolderError::File { path, why }
}

fn owner_only(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

fn sha256_of(path: &Path) -> Result<String, FolderError> {
    let mut hash = Sha256::new();
    let mut file = File::open(path).map_err(at(path))?;
    io::copy(&mut file, &mut HashWriter(&mut hash)).map_err(at(path))?;
    Ok(hash.finalize().iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    }))
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
impl Manifest {
    /// For tests: that of the backup `an-id`, of a server that is called `77`.
    pub fn example(last_numbers: Vec<OrderNumber>) -> Self {
        let moment = Timestamp::parse("2026-11-21T07:17:48.326Z").unwrap();
        let postgresql = Postgresql {
            version: "15.8".to_owned(),
            system_identifier: "77".to_owned(),
            database: "restaurant_db".to_owned(),
            schema_version: 21,
        };
        Self::new("an-id".to_owned(), crate::NAME.to_owned(), moment, moment, postgresql, last_numbers)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest::example(vec!["ORD_20261121_057".parse().unwrap()])
    }

    fn complete(place: &Path) -> (BackupFolder, Manifest) {
        let folder = BackupFolder::create(place).unwrap();
        fs::create_dir(folder.path_of(POSTGRESQL)).unwrap();
        folder.write(FILES_OF_POSTGRESQL, b"{}").unwrap();
        folder.write(DEFINITIONS, b"{}").unwrap();
        let written = folder.complete(manifest()).unwrap();
        (folder, written)
    }

    #[test]
    fn what_was_written_is_read() {
        let place = tempfile::tempdir().unwrap();
        let (folder, written) = complete(&place.path().join("new"));
        assert_eq!(folder.read().unwrap(), written);
        assert_eq!(written.files.len(), 2);
        fs::rename(folder.path_of(POSTGRESQL), place.path().join("data")).unwrap();
        assert_eq!(folder.read().unwrap(), written, "the data may have been moved");
    }

    #[test]
    fn what_is_no_whole_backup_is_refused() {
        let place = tempfile::tempdir().unwrap();
        assert!(matches!(BackupFolder::existing(place.path()).read(), Err(FolderError::Unfinished(_))));
        let (folder, _) = complete(&place.path().join("new"));
        fs::write(folder.path_of(DEFINITIONS), b"[]").unwrap();
        assert!(matches!(folder.read(), Err(FolderError::Damaged(_))));
        let path = folder.path_of(MANIFEST);
        let other = fs::read_to_string(&path).unwrap().replace("\"format\": 1", "\"format\": 2");
        fs::write(&path, other).unwrap();
        assert!(matches!(folder.read(), Err(FolderError::NotUnderstood { .. })));
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("mine"), "").unwrap();
        assert!(matches!(BackupFolder::create(place.path()), Err(FolderError::File { .. })));
    }

    #[test]
    fn the_fence_stands_behind_what_the_server_had() {
        let place = tempfile::tempdir().unwrap();
        let (folder, _) = complete(&place.path().join("new"));
        let path = folder.path_of(POSTGRESQL).join("postgresql.auto.conf");
        fs::write(&path, "work_mem = '8MB'\n").unwrap();
        folder.fence("an-id").unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "work_mem = '8MB'\ndefault_transaction_read_only = 'on'\nrestaurant.backup = 'an-id'\n"
        );
    }
}
