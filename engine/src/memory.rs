//! How much of this machine's memory is free, as far as its system says.

use std::path::{Path, PathBuf};

/// Bytes that programs may still take: what the system has to give, and what the groups leave that this process is held to.
/// `None` where the system does not say.
pub fn free() -> Option<u64> {
    let system = std::fs::read_to_string("/proc/meminfo").ok();
    let system = available(&system?)?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let held = own_groups(Path::new("/sys/fs/cgroup"), &groups)
        .iter()
        .filter_map(|group| left(group))
        .min();
    Some(held.map_or(system, |held| held.min(system)))
}

/// `MemAvailable` of `/proc/meminfo`: free pages, and those that can be freed at once.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The folders of this process's groups (version 2) and of those above it; a container sees its own as the root.
fn own_groups(root: &Path, groups: &str) -> Vec<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let own = root.join(own.unwrap_or_default());
    own.ancestors()
        .take_while(|folder| folder.starts_with(root))
        .map(Path::to_path_buf)
        .collect()
}

/// What a group leaves: its limit less what it holds, where the files that it has read count as free.
fn left(group: &Path) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(group.join(name)).ok();
    // `max` where there is no limit.
    let limit: u64 = read("memory.max")?.trim().parse().ok()?;
    let held: u64 = read("memory.current")?.trim().parse().ok()?;
    let stat = read("memory.stat").unwrap_or_default();
    let files = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "));
    let files: u64 = files.and_then(|n| n.trim().parse().ok()).unwrap_or(0);
    Some(limit.saturating_sub(held.saturating_sub(files)))
}

/// Bytes in words: `30.2 GB`, `512 MB`, `8 kB`; a GB is 10⁹ bytes.
pub fn in_words(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.0} MB", b / 1e6),
        b => format!("{:.0} kB", b / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_and_its_groups_are_read() {
        let meminfo = "MemTotal:       16 kB\nMemAvailable:   10 kB\n";
        assert_eq!(available(meminfo), Some(10 * 1024));
        assert_eq!(available("MemAvailable: x kB"), None);
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("a/b");
        std::fs::create_dir_all(&group).unwrap();
        let write = |name: &str, text: &str| std::fs::write(group.join(name), text).unwrap();
        write("memory.max", "1000\n");
        write("memory.current", "700\n");
        assert_eq!(left(&group), Some(300));
        write("memory.stat", "anon 1\ninactive_file 200\n");
        assert_eq!(left(&group), Some(500));
        write("memory.max", "max\n");
        assert_eq!(left(&group), None);
        let found = own_groups(root.path(), "1:cpu:/x\n0::/a/b\n");
        let all = [
            group.clone(),
            root.path().join("a"),
            root.path().to_path_buf(),
        ];
        assert_eq!(found, all);
        assert_eq!(own_groups(root.path(), ""), [root.path()]);
        #[cfg(target_os = "linux")]
        assert!(free().unwrap() > 1 << 20);
    }

    #[test]
    fn bytes_are_said_for_people() {
        assert_eq!(in_words(30_240_000_000), "30.2 GB");
        assert_eq!(in_words(512_400_000), "512 MB");
        assert_eq!(in_words(8_100), "8 kB");
    }
}
