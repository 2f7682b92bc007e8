//! `rowbell simulator`: an app to try things with, and apps by name.

use super::house::House;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// The first lines that it prints with these options.
fn printed(house: &House, options: &[&str], lines: usize) -> String {
    let mut arguments = vec!["simulator", "--listen", "127.0.0.1:0"];
    arguments.extend(options);
    let mut child = house.command(&arguments).stdout(Stdio::piped()).spawn().expect("the program runs");
    let out = BufReader::new(child.stdout.take().expect("stdout"));
    let text = out.lines().take(lines).map_while(Result::ok).collect::<Vec<_>>().join("\n");
    child.kill().expect("killed");
    child.wait().expect("it ends");
    text
}

#[tokio::test]
async fn it_says_what_to_put_into_the_settings_for_its_app() {
    let house = House::new().await;
    let text = printed(&house, &[], 16);
    for line in [
        "[receivers.duty]",
        "type = \"dingtalk_app\"",
        "client_id = \"dingsimulator\"",
        "users = [\"manager\"]",
        "api_url = \"http://127.0.0.1:",
    ] {
        assert!(text.contains(line), "`{line}` is missing in:\n{text}");
    }
}

#[tokio::test]
async fn the_secret_of_an_app_that_was_named_is_not_repeated() {
    let house = House::new().await;
    let options = ["--app", "dingmine=s3cret", "--person", "boss=Boss,13800000001", "--conversation", "cid1==Duty"];
    let text = printed(&house, &options, 4);
    assert!(text.contains("api ") && !text.contains("s3cret"), "{text}");
    for (option, value) in [("--app", "dingmine"), ("--person", "boss"), ("--conversation", "=Duty")] {
        let mut arguments = vec!["simulator", "--app", "dingmine=s3cret"];
        arguments.extend([option, value]);
        house.rowbell(&arguments).exit(2).err_has(option);
    }
}
