//! Limits a folder to one supervisor.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// Held while the supervisor runs; the kernel releases it however the process ends.
#[derive(Debug)]
pub struct SupervisorLock(File);

impl SupervisorLock {
    /// Takes the lock, and writes this process's id into the file. `None` if another process holds
    /// it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn take(path: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if !is_free(&file)? {
            return Ok(None);
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        Ok(Some(Self(file)))
    }

    /// The process that holds the lock, if there is one.
    pub fn holder(path: impl AsRef<Path>) -> Option<u32> {
        let mut file = File::open(path).ok()?;
        if is_free(&file).ok()? {
            // The check has taken the lock: release it.
            drop(Self(file));
            return None;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }
}

impl Drop for SupervisorLock {
    /// Closing the file is not enough while a child process that is being started still shares it,
    /// until its `exec`.
    fn drop(&mut self) {
        // The file is closed next, which nearly always releases the lock as well.
        let _ = self.0.unlock();
    }
}

/// Takes the lock for as long as `file` is open, if no process holds it.
fn is_free(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(why)) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(SupervisorLock::holder(&path), None);
        let lock = SupervisorLock::take(&path).unwrap().unwrap();
        assert!(SupervisorLock::take(&path).unwrap().is_none());
        assert_eq!(SupervisorLock::holder(&path), Some(std::process::id()));
        drop(lock);
        assert_eq!(SupervisorLock::holder(&path), None);
        assert!(SupervisorLock::take(&path).unwrap().is_some());
    }
}
