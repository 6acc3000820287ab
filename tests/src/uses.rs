//! Which files of a package use which, read from their `use` declarations and paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

/// A path of names within a package, e.g. `["train", "ppo"]`; that of the root is empty.
pub type Names = Vec<String>;

/// The files of a package by their modules, tests left out.
#[derive(Debug, Default)]
pub struct Package {
    files: BTreeMap<Names, File>,
}

#[derive(Debug, Default)]
struct File {
    /// What it names of its own package.
    uses: BTreeSet<Names>,
    /// What it passes on under a name of its own (`pub use`).
    exports: BTreeMap<String, Names>,
}

impl Package {
    /// Reads all sources under `folder`.
    pub fn read(folder: &Path) -> Self {
        let mut texts = BTreeMap::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(&at).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                if name.contains("test") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let inside = path.parent().unwrap().strip_prefix(folder).unwrap();
                    let mut module: Names = inside
                        .iter()
                        .map(|part| part.to_string_lossy().into_owned())
                        .collect();
                    if !["mod", "lib", "main"].contains(&name.as_str()) {
                        module.push(name);
                    }
                    texts.insert(module, fs::read_to_string(&path).unwrap());
                }
            }
        }
        let modules: BTreeSet<Names> = texts.keys().cloned().collect();
        let file = |(module, text): (Names, String)| {
            let file = File::read(&module, &text, &modules);
            (module, file)
        };
        Self {
            files: texts.into_iter().map(file).collect(),
        }
    }

    /// Every file's module with the paths that it names of its own package.
    pub fn uses(&self) -> impl Iterator<Item = (&Names, &BTreeSet<Names>)> {
        self.files.iter().map(|(module, file)| (module, &file.uses))
    }

    /// The file that a path leads to, through what others pass on.
    fn file_of(&self, path: &[String], hops: usize) -> Option<Names> {
        let (module, file) = (0..=path.len())
            .rev()
            .find_map(|length| self.files.get_key_value(&path[..length]))?;
        match path
            .get(module.len())
            .and_then(|name| file.exports.get(name))
        {
            Some(passed_on) if hops > 0 => {
                let rest = &path[module.len() + 1..];
                self.file_of(&[passed_on, rest].concat(), hops - 1)
            }
            _ => Some(module.clone()),
        }
    }

    /// The files that use each other in a circle, each circle once.
    pub fn circles(&self) -> Vec<BTreeSet<Names>> {
        let edges: BTreeMap<&Names, BTreeSet<Names>> = self
            .files
            .iter()
            .map(|(module, file)| {
                let used = file.uses.iter().filter_map(|path| self.file_of(path, 8));
                (module, used.filter(|used| used != module).collect())
            })
            .collect();
        let reached = |from: &Names| -> BTreeSet<Names> {
            let (mut found, mut next) = (BTreeSet::new(), vec![from]);
            while let Some(module) = next.pop() {
                let new = edges[module]
                    .iter()
                    .filter(|to| found.insert((*to).clone()));
                next.extend(new);
            }
            found
        };
        let reach: BTreeMap<&Names, BTreeSet<Names>> = edges
            .keys()
            .map(|module| (*module, reached(module)))
            .collect();
        let circle = |module: &Names| -> BTreeSet<Names> {
            let back = |other: &&Names| reach[*other].contains(module);
            reach[module].iter().filter(back).cloned().collect()
        };
        let circles: BTreeSet<BTreeSet<Names>> = edges.keys().map(|m| circle(m)).collect();
        circles
            .into_iter()
            .filter(|circle| !circle.is_empty())
            .collect()
    }
}

impl File {
    fn read(module: &[String], text: &str, modules: &BTreeSet<Names>) -> Self {
        let code = code(text);
        let absolute = |path: &str| -> Option<Names> {
            let names: Names = path
                .split("::")
                .map(|name| name.trim().to_owned())
                .collect();
            let ups = names.iter().take_while(|name| *name == "super").count();
            match names.first()?.as_str() {
                "crate" => Some(names[1..].to_vec()),
                "self" => Some([module, &names[1..]].concat()),
                "super" => {
                    let above = module.len().checked_sub(ups)?;
                    Some([&module[..above], &names[ups..]].concat())
                }
                child => {
                    let child = [module, &[child.to_owned()]].concat();
                    modules.contains(&child).then(|| [module, &names].concat())
                }
            }
        };
        let mut file = Self::default();
        let declaration = Regex::new(r"(?m)^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);").unwrap();
        for found in declaration.captures_iter(&code) {
            for path in expand(&found[2]).iter().filter_map(|path| absolute(path)) {
                match path.last() {
                    Some(name) if found.get(1).is_some() && name != "*" => {
                        file.exports.insert(name.clone(), path);
                    }
                    _ => {
                        file.uses.insert(path);
                    }
                }
            }
        }
        let body = declaration.replace_all(&code, "");
        let path = Regex::new(r"(?:^|[^:\w])(\w+(?:::\w+)+)").unwrap();
        let named = path.captures_iter(&body);
        file.uses
            .extend(named.filter_map(|found| absolute(&found[1])));
        file
    }
}

/// Code without unit tests, comments and texts.
pub fn code(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    let text = Regex::new(r"//[^\n]*").unwrap().replace_all(text, "");
    let quoted = Regex::new(r#""(?:\\.|[^"\\])*""#).unwrap();
    quoted.replace_all(&text, "\"\"").into_owned()
}

/// The paths of a use declaration: `a::{b, c::{d, e as f}}` is `a::b`, `a::c::d` and `a::c::e`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, inner)) = tree
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.trim_end().strip_suffix('}')?)))
    else {
        let path = tree.split(" as ").next().unwrap_or(tree).trim();
        return if path.is_empty() {
            Vec::new()
        } else {
            vec![path.to_owned()]
        };
    };
    let mut depth = 0_usize;
    let parts = inner.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts
        .flat_map(expand)
        .map(|path| format!("{}{path}", before.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_taken_apart() {
        let paths = expand("crate::{a::{b, c as d}, e,\n f::*}");
        assert_eq!(
            paths,
            ["crate::a::b", "crate::a::c", "crate::e", "crate::f::*"]
        );
    }

    #[test]
    fn circles_are_found_through_what_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        write("lib.rs", "pub mod a;\npub mod b;\nmod c;");
        write("a/mod.rs", "mod inner;\npub use inner::Thing;\n");
        write("a/inner.rs", "use crate::b;\npub struct Thing(b::Other);");
        write("b.rs", "use crate::{a::Thing, c}; // crate::c::nothing\n");
        write("c.rs", "const NAME: &str = \"crate::a::inner\";\n");
        let circles = Package::read(folder.path()).circles();
        let names = |path: &[&str]| -> Names { path.iter().map(|n| (*n).to_owned()).collect() };
        assert_eq!(
            circles,
            [BTreeSet::from([names(&["a", "inner"]), names(&["b"])])]
        );
    }
}
