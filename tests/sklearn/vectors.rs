//! Finding and reading the vectors, and comparing with them.

use std::env;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// The folders to check: the small set always, the full set where there is one.
pub fn folders() -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let small = package.join("tests/data/sklearn");
    let named = env::var_os("CRANNOG_SKLEARN_VECTORS").map(PathBuf::from);
    let beside = || Some(package.join("../shared/sklearn-vectors")).filter(|path| path.is_dir());
    match named.or_else(beside) {
        Some(full) => vec![small, full],
        None => {
            println!(
                "no full set of vectors: only {} is checked",
                small.display()
            );
            vec![small]
        }
    }
}

/// Reads this file of every folder.
pub fn read_all<T: DeserializeOwned>(file: &str) -> Vec<(String, T)> {
    let read_from = |folder: PathBuf| read(&folder.join(file));
    folders().into_iter().map(read_from).collect()
}

/// The JSON files of `forests/` in every folder, in order of their names.
pub fn forest_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders() {
        let folder = folder.join("forests");
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            });
        let mut found: Vec<PathBuf> = entries.collect();
        assert!(!found.is_empty(), "{}: no forests", folder.display());
        found.sort();
        files.extend(found);
    }
    files
}

/// The file's name and what it holds.
pub fn read<T: DeserializeOwned>(path: &Path) -> (String, T) {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    (name, value)
}

/// Panics at the first difference, saying where it is; `place` is file, field, and tree if any.
pub fn same<T: PartialEq + Debug>(found: &[T], expected: &[T], place: &str) {
    let pairs = found.iter().zip(expected);
    for (i, (found, expected)) in pairs.enumerate() {
        assert!(
            found == expected,
            "{place} [{i}]: {found:?}, but scikit-learn has {expected:?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{place}: the number of values");
}

/// Like `same`, comparing bits: 0.0 is not −0.0, and NaN is NaN.
pub fn same_bits(found: &[f64], expected: &[f64], place: &str) {
    let bits = |values: &[f64]| values.iter().map(|v| Bits(*v)).collect::<Vec<_>>();
    same(&bits(found), &bits(expected), place);
}

struct Bits(f64);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits() || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Debug for Bits {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "{:?} ({:016x})", self.0, self.0.to_bits())
    }
}
