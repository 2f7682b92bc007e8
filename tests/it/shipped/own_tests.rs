//! Each shipped watcher has tests beside it, which pass without a database, without settings and without a network.

use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("watchers")
}

fn rowbell(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
    command.args(arguments).current_dir(folder).env("TMPDIR", folder).env_remove("ROWBELL_CONFIG").output().expect("the program runs")
}

fn names(ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(shipped()).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    let named =
        entries.map(|name| name.to_string_lossy().into_owned()).filter(|name| ending == ".test.toml" || !name.ends_with(".test.toml"));
    named.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

#[test]
fn every_shipped_watcher_has_tests_and_they_pass() {
    let home = tempfile::tempdir().expect("a folder");
    let output = rowbell(&["test", &shipped().display().to_string(), "--json"], home.path());
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let lines: Vec<Json> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let tested: BTreeSet<String> = lines.iter().map(|line| line["watcher"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(tested, names(".toml"), "a watcher without a test, or a test without a watcher");
    assert!(lines.iter().all(|line| line["passed"] == true && line["polls"].as_u64() > Some(0)), "{out}");
    assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 0, "something was left behind");
}

/// So that the test above cannot pass because nothing is looked at: another threshold fails the tests of its watcher.
#[test]
fn the_tests_of_a_shipped_watcher_notice_a_change_of_it() {
    let home = tempfile::tempdir().expect("a folder");
    for (name, was, is) in [
        ("low_stock", "repeat_interval = \"4h\"", "repeat_interval = \"5h\""),
        ("wrong_price", "售价 < 1.00", "售价 <= 1.00"),
        ("open_orders", "keep_firing_for = 2", "keep_firing_for = 1"),
        ("incomplete_product", "calendar = \"cn-workdays\"", "days = [\"mon-sat\"]"),
        ("deep_discount", "reconcile = \"30 3 * * *\"", "reconcile = \"30 4 * * *\""),
        ("idle_salesperson", "interval '7 days'", "interval '8 days'"),
        ("sales_report", "sum = [\"件数\", \"金额\"]", "sum = [\"件数\"]"),
        ("price_change", "previous.售价 * 0.05", "previous.售价 * 0.06"),
    ] {
        let read = |ending: &str| fs::read_to_string(shipped().join(format!("{name}{ending}"))).expect("a text");
        let watcher = read(".toml");
        assert!(watcher.contains(was), "{name}: {was}");
        fs::write(home.path().join(format!("{name}.toml")), watcher.replace(was, is)).expect("a file");
        fs::write(home.path().join(format!("{name}.test.toml")), read(".test.toml")).expect("a file");
        let query = shipped().join(format!("{name}.sql"));
        if query.exists() {
            fs::copy(query, home.path().join(format!("{name}.sql"))).expect("a file");
        }
        let output = rowbell(&["test", &format!("{name}.toml")], home.path());
        assert_eq!(output.status.code(), Some(1), "{name}: {is}\n{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Everything that a poll must remember stands in the store.
#[test]
fn the_tests_pass_too_when_the_program_is_started_anew_before_each_poll() {
    let home = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(shipped()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path)
            .expect("a text")
            .replace("restart = true\n", "")
            .replace("[[test.poll]]\n", "[[test.poll]]\nrestart = true\n");
        fs::write(home.path().join(path.file_name().expect("a name")), text).expect("a file");
    }
    let output = rowbell(&["test", "."], home.path());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}
