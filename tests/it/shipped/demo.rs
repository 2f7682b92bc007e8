//! `rowbell demo`, as a newcomer starts it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn demo(arguments: &[&str], temporary: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
    command.arg("demo").args(arguments).env("TMPDIR", temporary).current_dir(temporary).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_demo_rings_for_low_stock_and_for_a_large_order() {
    let home = tempfile::tempdir().expect("a folder");
    let output = demo(&["--seconds", "8", "--folder", "kept"], home.path());
    let (printed, complaints) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && complaints.is_empty(), "{printed}\n{complaints}");

    let messages = fs::read_to_string(home.path().join("kept/messages.jsonl")).expect("what the simulator received");
    let titles: Vec<String> = messages.lines().map(title).collect();
    assert!(titles.iter().any(|title| title.contains("库存低于补货点")), "{titles:?}\n{printed}");
    assert!(titles.iter().any(|title| title.contains("大额订单 1 笔")), "{titles:?}\n{printed}");
    assert!(printed.contains("http://127.0.0.1:") && printed.contains("0 waiting"), "{printed}");
}

fn title(line: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
    message["title"].as_str().expect("a title").to_owned()
}

#[test]
fn the_demo_runs_the_shipped_watchers_as_they_are() {
    let home = tempfile::tempdir().expect("a folder");
    demo(&["--seconds", "0", "--folder", "kept"], home.path());
    assert_eq!(files(&home.path().join("kept/watchers")), files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("watchers")));
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let named = |path: std::path::PathBuf| (path.file_name().expect("a name").to_string_lossy().into_owned(), path);
    let mut files: Vec<_> = entries.map(named).map(|(name, path)| (name, fs::read_to_string(path).expect("a text"))).collect();
    files.sort();
    files
}

#[test]
fn the_demo_leaves_nothing_behind() {
    let home = tempfile::tempdir().expect("a folder");
    let output = demo(&["--seconds", "1", "--json"], home.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 0);
    let kinds: Vec<String> = text(&output.stdout).lines().map(kind).collect();
    assert_eq!((kinds.first().map(String::as_str), kinds.last().map(String::as_str)), (Some("start"), Some("end")));
}

fn kind(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
    line["kind"].as_str().expect("a kind").to_owned()
}

#[test]
fn the_demo_refuses_a_folder_with_something_in_it() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("mine.txt"), "mine").expect("a file");
    let output = demo(&["--folder", "."], home.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is not empty"), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 1);
}

#[test]
fn the_demo_tells_the_faults_of_watchers_that_were_named() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("mine")).expect("a folder");
    fs::write(home.path().join("mine/broken.toml"), "source = \"shop\"\nevry = \"1m\"\n").expect("a file");
    let output = demo(&["--watchers", "mine", "--seconds", "1"], home.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("broken.toml:2:1"), "{}", text(&output.stderr));
}
