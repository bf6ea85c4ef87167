//! How much memory this process may use: the limit of its container, or the machine's memory.

use std::path::{Path, PathBuf};

/// Where cgroups are mounted (cgroups(7)).
const CGROUPS: &str = "/sys/fs/cgroup";

/// The smallest of the limits (in bytes) of this process's cgroups, and of the machine's memory.
/// `None` if neither can be read.
pub fn bytes() -> Option<u64> {
    let cgroups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    of_cgroups(Path::new(CGROUPS), &cgroups).into_iter().chain(of_machine(&memory)).min()
}

/// The smallest limit among these cgroups (`/proc/self/cgroup`) and their parents. In a container
/// the path is often the host's, and the container's own cgroup is mounted as the root, so the root
/// is read too.
fn of_cgroups(mount: &Path, cgroups: &str) -> Option<u64> {
    let limits = cgroups.lines().filter_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, path) = line.split_once(':')?;
        let (root, file) = match controllers {
            "" => (mount.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (mount.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let folders: Vec<PathBuf> = Path::new(path.trim_start_matches('/'))
            .ancestors()
            .map(|folder| root.join(folder).join(file))
            .collect();
        // "max" does not parse: the cgroup has no limit.
        folders.iter().filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok()).min()
    });
    limits.min()
}

fn of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_on_the_way_to_the_root_counts() {
        let mount = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = mount.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("pods/memory.max", "268435456\n");
        write("pods/one/memory.max", "max\n");
        assert_eq!(of_cgroups(mount.path(), "0::/pods/one\n"), Some(268_435_456));
        assert_eq!(of_cgroups(mount.path(), "0::/\n"), None);
        write("memory.max", "134217728\n");
        assert_eq!(of_cgroups(mount.path(), "0::/of/the/host\n"), Some(134_217_728));
        write("memory/a/memory.limit_in_bytes", "1048576\n");
        assert_eq!(of_cgroups(mount.path(), "3:cpu:/\n4:memory:/a\n"), Some(1_048_576));
        assert_eq!(of_cgroups(mount.path(), "nonsense\n\n::\n"), Some(134_217_728));
    }

    #[test]
    fn the_machine_has_memory() {
        assert_eq!(of_machine("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16_777_216));
        assert_eq!(of_machine(""), None);
        assert!(bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
