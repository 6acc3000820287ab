//! Where the demonstration bundle lies, and where results go.

use std::path::{Path, PathBuf};

/// The name under which the window's place and what is remembered are kept.
pub const APP_ID: &str = "paretoscope";

/// The file that makes a folder a bundle.
pub const MANIFEST: &str = "bundle.json";

/// Where the demonstration bundle lies in a source tree, and where a package puts it (`/usr/bin` beside `/usr/share`).
const DEMO: [&str; 2] = ["assets/demo", "share/paretoscope/demo"];

/// The demonstration bundle near the executable, in the workspace that it was built in, or here.
pub fn demo() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok();
    let above = beside
        .iter()
        .flat_map(|exe| exe.ancestors().skip(1).take(4).map(Path::to_path_buf));
    let built = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf);
    above
        .chain(built)
        .chain(std::env::current_dir().ok())
        .flat_map(|root| DEMO.map(|demo| root.join(demo)))
        .find(|folder| folder.join(MANIFEST).is_file())
}

/// Whether something can be loaded from there: a bundle, or a base model alone.
pub fn is_model(path: &Path) -> bool {
    let ending = path.extension();
    let gguf = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    let holds = |name: &str| path.join(name).is_file();
    holds(MANIFEST) || holds("config.json") || (gguf && path.is_file())
}

/// The folder of a bundle that was named by itself or by its manifest.
pub fn bundle_folder(path: &Path) -> PathBuf {
    let named_manifest = path.file_name().is_some_and(|name| name == MANIFEST);
    match path.parent() {
        Some(folder) if named_manifest => folder.to_path_buf(),
        _ => path.to_path_buf(),
    }
}

/// Where sweeps are stored: the user's data folder, or the current one where there is none.
pub fn sweeps() -> PathBuf {
    data("sweeps")
}

/// Where training runs are kept, likewise.
pub fn training() -> PathBuf {
    data("training")
}

/// Where the copy of the talk that ships lies, likewise.
pub fn talk() -> PathBuf {
    data("talk.study")
}

/// The talk that ships beside the demonstration bundle in this folder.
pub fn shipped_talk(demo: &Path) -> Option<PathBuf> {
    let talk = demo.parent()?.join("talk/talk.study");
    talk.is_file().then_some(talk)
}

/// The study that is used where none is named, likewise.
pub fn study() -> PathBuf {
    data("paretoscope.study")
}

fn data(folder: &str) -> PathBuf {
    directories::ProjectDirs::from("", "", "paretoscope").map_or_else(
        || PathBuf::from(folder),
        |dirs| dirs.data_dir().join(folder),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_stands_for_its_folder() {
        assert_eq!(bundle_folder(Path::new("/b/bundle.json")), Path::new("/b"));
        assert_eq!(bundle_folder(Path::new("/b")), Path::new("/b"));
    }
}
