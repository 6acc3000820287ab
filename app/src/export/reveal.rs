//! Shows a file in the window that the system has for folders.

use std::path::Path;
use std::process::{Command, Stdio};

/// Shows it; waits until the system has taken it up.
///
/// # Errors
/// In words, where no such window opens.
pub fn reveal(path: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut command = if cfg!(target_os = "macos") {
        let mut command = Command::new("open");
        command.arg("-R").arg(path);
        command
    } else if cfg!(windows) {
        let mut command = Command::new("explorer");
        command.arg(folder);
        command
    } else {
        let mut command = Command::new("xdg-open");
        command.arg(folder);
        command
    };
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    let ended = quiet.stdin(Stdio::null()).status();
    match ended {
        // Explorer ends with 1 where all went well.
        Ok(status) if status.success() || cfg!(windows) => Ok(()),
        Ok(status) => Err(format!(
            "no window on {} opened: {status}",
            folder.display()
        )),
        Err(error) => Err(format!(
            "no window on {} opened: this system has no {} ({error})",
            folder.display(),
            command.get_program().display()
        )),
    }
}
