//! A machine on which the clock or the disk fails for one process only. See machine.c.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A library that is preloaded into a process, and switched on and off from outside.
pub struct Machine {
    folder: TempDir,
}

impl Machine {
    /// Builds it with the C compiler that also links Rust programs.
    pub fn build() -> Self {
        let folder = tempfile::Builder::new().prefix("restaurant-machine-").tempdir().unwrap();
        // The database may run as another user.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/machine.c");
        let machine = Self { folder };
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o"])
            .arg(machine.path("machine.so"))
            .arg(source)
            .output()
            .expect("a C compiler (cc): Rust links with it, too");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        machine
    }

    /// The environment of the process.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        ["machine.so", "clock", "disk"].map(|name| {
            let variable = match name {
                "clock" => "STEPPED_CLOCK",
                "disk" => "FULL_DISK",
                _ => "LD_PRELOAD",
            };
            (variable, self.path(name).display().to_string())
        })
    }

    /// Sets the clock back by an hour, or restores it.
    pub fn clock_is_late(&self, late: bool) {
        self.switch("clock", late);
    }

    /// Prevents files from growing, or allows it again.
    pub fn disk_is_full(&self, full: bool) {
        self.switch("disk", full);
    }

    fn switch(&self, name: &str, on: bool) {
        if on {
            std::fs::write(self.path(name), "").unwrap();
        } else {
            std::fs::remove_file(self.path(name)).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
