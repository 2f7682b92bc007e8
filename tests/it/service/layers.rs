//! The house rules that a reader relies on: who may import whom, and how large a file may be.

use std::path::{Path, PathBuf};

/// Each module and what it may use of the crate, besides itself, `domain`, `clock` and `metrics`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("metrics", &[]),
    ("config", &[]),
    ("source", &[]),
    ("store", &[]),
    ("picture", &[]),
    ("notify", &["picture"]),
    ("engine", &["source", "notify", "store", "picture"]),
    ("web", &["store"]),
    ("cli", &["config", "source", "store", "notify", "picture", "engine", "web"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(src()).expect("a source").components().next().expect("a name");
    inside.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for file in sources(&src()) {
        let module = module_of(&file);
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else { continue };
        let text = std::fs::read_to_string(&file).expect("a source");
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for (other, _) in ALLOWED.iter().filter(|(other, _)| line.contains(&format!("crate::{other}::"))) {
                let common = ["domain", "clock", "metrics"].contains(other) && module != "domain";
                if !common && *other != module && !allowed.contains(other) {
                    wrong.push(format!("{}:{}: {module} uses {other}", file.display(), at + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let banned = ["async fn", ".await", "std::fs", "std::net", "tokio::", "sqlx::", "reqwest::", "SystemTime", "Instant::now", "Utc::now"];
    for file in sources(&src().join("domain")) {
        let text = std::fs::read_to_string(&file).expect("a source");
        for word in banned {
            assert!(!text.contains(word), "{} has `{word}`", file.display());
        }
    }
}

#[test]
fn no_source_file_is_longer_than_500_lines() {
    for file in sources(&src()) {
        let lines = std::fs::read_to_string(&file).expect("a source").lines().count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}
