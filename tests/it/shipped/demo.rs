//! `rowbell demo`, as a newcomer starts it.

use serde_json::Value as Json;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn demo(arguments: &[&str], temporary: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
    command.arg("demo").args(arguments).env("TMPDIR", temporary).current_dir(temporary).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_demo_rings_for_low_stock_and_for_a_large_order_and_a_card_can_be_pressed() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
    command.args(["demo", "--seconds", "12", "--folder", "kept", "--json"]).current_dir(home.path()).stdout(Stdio::piped());
    let mut running = command.spawn().expect("the program runs");
    let mut lines = BufReader::new(running.stdout.take().expect("its output")).lines().map(|line| read(&line.expect("a line")));
    let start = lines.next().expect("what it says first");
    let chat = url::Url::parse(start["chat"].as_str().expect("the chat")).expect("an address");

    let mut told = |wanted: &dyn Fn(&Json) -> bool| lines.find(|line| wanted(line)).unwrap_or_default();
    let card = told(&|line| line["kind"] == "delivery" && line["receiver"] == "duty");
    assert!(card["outcome"] == "delivered" && card["title"] == "🔴 商品断货：1 项告警", "{card}");
    let page = ask(&chat, "GET", chat.path(), "");
    let (_, rest) = page.split_once("data-card=\"").expect("a card with buttons");
    let card = rest.split('"').next().unwrap_or_default();
    let press = format!(r#"{{"out_track_id":"{card}","user_id":"manager01","action_id":"acknowledge"}}"#);
    assert!(ask(&chat, "POST", "/simulator/press", &press).ends_with("\"taken\""));
    let act = told(&|line| line["kind"] == "act");
    assert!(act["by"] == "manager01" && act["acknowledged"][0]["watcher"] == "out_of_stock", "{act}");
    assert!(ask(&chat, "GET", chat.path(), "").contains("manager01 已认领"));

    let end = told(&|line| line["kind"] == "end");
    assert_eq!(end["waiting"], 0);
    assert!(running.wait().expect("its end").success());
    let messages = fs::read_to_string(home.path().join("kept/messages.jsonl")).expect("what the robots' groups received");
    let titles: Vec<String> = messages.lines().map(title).collect();
    assert!(titles.iter().any(|title| title.contains("库存低于补货点")), "{titles:?}");
    assert!(titles.iter().any(|title| title.contains("大额订单 1 笔")), "{titles:?}");
}

/// A request as a browser makes it, and the whole answer.
fn ask(chat: &url::Url, method: &str, path: &str, body: &str) -> String {
    let address = chat.socket_addrs(|| None).expect("an address")[0];
    let mut stream = TcpStream::connect(address).expect("a connection");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn read(line: &str) -> Json {
    serde_json::from_str(line).expect("a line of JSON")
}

fn title(line: &str) -> String {
    read(line)["title"].as_str().expect("a title").to_owned()
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
    read(line)["kind"].as_str().expect("a kind").to_owned()
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
