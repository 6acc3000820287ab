//! Dense merges that are broken off anywhere and given again.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::forge::Progress;
use crate::forge::peft::{Precision, encode, write_tensors};
use crate::forge::svd::gaussian;

/// Files of task vectors with six tensors each.
fn inputs() -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = (0..3u64).map(|source| {
        let path = folder.path().join(format!("{source}.safetensors"));
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = (0..6u64)
            .map(|i| {
                let values = gaussian(12, 10, 7, source * 10 + i);
                let bytes = encode(values.values(), Precision::F32).unwrap();
                (format!("layers.{i}.weight"), vec![12, 10], bytes)
            })
            .collect();
        write_tensors(&path, &tensors, Precision::F32, []).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

fn make(inputs: &[PathBuf], method: Method, out: &Path, tell: Tell<'_>) -> Result<()> {
    let settings = MergeSettings::new(method, vec![0.2, 0.3, 0.5]);
    let output = MergeOutput::Vectors(out.to_path_buf());
    merge(inputs, None, &settings, &output, tell).map(drop)
}

#[test]
fn broken_off_at_any_point_it_ends_in_the_same_bytes() {
    let (folder, inputs) = inputs();
    for method in [Method::Ties, Method::Pcb] {
        let whole = folder.path().join(format!("whole-{method:?}.safetensors"));
        let mut points = 0;
        let mut count = |_: Progress| {
            points += 1;
            Ok(())
        };
        make(&inputs, method, &whole, &mut count).unwrap();
        assert!(points >= 7, "{points}");
        for at in 1..=points {
            let out = folder
                .path()
                .join(format!("broken-{method:?}-{at}.safetensors"));
            let (mut told, mut last) = (0, None);
            let mut stop = |progress: Progress| {
                told += 1;
                last = Some(progress);
                if told == at {
                    Err(Error::Cancelled)
                } else {
                    Ok(())
                }
            };
            let stopped = make(&inputs, method, &out, &mut stop);
            assert!(matches!(stopped, Err(Error::Cancelled)), "{method:?} {at}");
            assert!(!out.exists());

            let mut first: Option<Progress> = None;
            let mut note = |progress: Progress| {
                if progress.stage == "merge" && progress.done > 0 {
                    first.get_or_insert(progress);
                }
                Ok(())
            };
            make(&inputs, method, &out, &mut note).unwrap();
            let last = last.unwrap();
            if last.stage == "merge" && last.done > 0 {
                assert_eq!(
                    first,
                    Some(last),
                    "{method:?} {at}: finished tensors are kept"
                );
            }
            let read = |path: &Path| std::fs::read(path).unwrap();
            assert_eq!(read(&out), read(&whole), "{method:?} {at}");
        }
    }
    let left = std::fs::read_dir(folder.path()).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".partial")).count(), 0);
}

#[test]
fn finished_statistics_are_not_made_again() {
    let (folder, inputs) = inputs();
    let out = folder.path().join("merged.safetensors");
    let mut stop = |progress: Progress| match progress.stage {
        "merge" => Err(Error::Cancelled),
        _ => Ok(()),
    };
    assert!(make(&inputs, Method::Pcb, &out, &mut stop).is_err());
    let mut passes = Vec::new();
    let mut note = |progress: Progress| {
        if progress.stage != "merge" && progress.done > 0 {
            passes.push(progress);
        }
        Ok(())
    };
    make(&inputs, Method::Pcb, &out, &mut note).unwrap();
    assert_eq!(passes, []);
}

#[test]
fn another_merge_does_not_go_on_with_it() {
    let (folder, inputs) = inputs();
    let (out, whole) = (
        folder.path().join("a.safetensors"),
        folder.path().join("b.safetensors"),
    );
    let mut stop = |progress: Progress| match progress.stage {
        "merge" if progress.done > 200 => Err(Error::Cancelled),
        _ => Ok(()),
    };
    assert!(make(&inputs, Method::Ties, &out, &mut stop).is_err());
    make(&inputs, Method::DareLinear, &out, &mut |_| Ok(())).unwrap();
    make(&inputs, Method::DareLinear, &whole, &mut |_| Ok(())).unwrap();
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(whole).unwrap());
}
