//! A folder with settings, watchers and a shop database, and the program run in it.
//!
//! Every output of every command passes through [`Said`], which refuses to exist when a planted secret is in it.

use rowbell::clock::Clock;
use rowbell::notify::dingtalk::simulator::{SimulatedRobot, Simulator, SimulatorSettings};
use serde_json::Value as Json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tempfile::TempDir;

/// The token of the robot.
pub const TOKEN: &str = "tok3nPLANTED0123456789";
/// The secret with which its messages are signed.
pub const SECRET: &str = "SECPLANTEDsigning0123456789";
/// The password of a source.
pub const PASSWORD: &str = "p4sswordPLANTED";
/// How long a test waits for something that comes within moments.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shop at its beginning: two products are below their reorder level.
const SHOP: &str = "create table products (sku text primary key, name text, stock int, reorder_level int);
    insert into products values ('A-17', '龙井茶', 3, 20), ('B-2', '铁观音', 0, 10), ('C-9', 'Earl Grey', 50, 10);";

/// A watcher of products that run short.
pub const LOW_STOCK: &str = "description = \"stock is low\"
source = \"shop\"
every = \"5m\"
key = [\"sku\"]
severity = [{ when = \"stock = 0\", level = \"critical\" }, { level = \"warning\" }]
query = '''
select sku, name, stock, reorder_level
from products
where stock < reorder_level
'''
";

pub struct House {
    folder: TempDir,
    pub simulator: Simulator,
}

impl House {
    /// The shop, a robot that takes everything, and settings for both; no watcher yet.
    pub async fn new() -> House {
        House::with_robot(SimulatedRobot::new(TOKEN, "warehouse")).await
    }

    pub async fn with_robot(robot: SimulatedRobot) -> House {
        let settings = SimulatorSettings::new(Clock::System).with_robot(robot);
        let simulator = Simulator::start(settings).await.expect("the simulator starts");
        let house = House { folder: tempfile::tempdir().expect("a folder"), simulator };
        std::fs::create_dir(house.path("watchers")).expect("a folder");
        house.settings("");
        house.sql(SHOP).await;
        house
    }

    /// Writes the settings, with more lines at their end.
    pub fn settings(&self, more: &str) {
        let webhook = self.simulator.webhook(TOKEN);
        let text = format!(
            "timezone = \"Asia/Shanghai\"\nlanguage = \"en\"\n[web]\nlisten = \"127.0.0.1:0\"\n[sources.shop]\nurl = \"sqlite://shop.db\"\n\
             [receivers.warehouse]\ntype = \"dingtalk_robot\"\nwebhook = \"{webhook}\"\n{more}"
        );
        self.write("rowbell.toml", &text);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the file is written");
    }

    pub fn watcher(&self, name: &str, text: &str) {
        self.write(&format!("watchers/{name}.toml"), text);
    }

    /// Works on the shop as its own programs do.
    pub async fn sql(&self, statements: &str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.path("shop.db")).create_if_missing(true);
        let mut connection = options.connect().await.expect("the shop opens");
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.expect("the statements run");
        connection.close().await.expect("the shop closes");
    }

    /// The files of the folder, by name.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("ROWBELL") || name.to_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs a command to its end.
    pub fn rowbell(&self, arguments: &[&str]) -> Said {
        Said::new(arguments, self.command(arguments).output().expect("the program runs"))
    }

    /// Starts the service and waits until it listens.
    pub fn run(&self) -> Service {
        let mut child = self.command(&["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let stderr = child.stderr.take().expect("stderr");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                assert_no_secret("run", &line);
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut service = Service { child, lines, address: String::new() };
        let started = service.wait_for("rowbell runs");
        let address = started.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        service.address = address.to_owned();
        service
    }
}

/// What a command said.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn new(arguments: &[&str], output: Output) -> Said {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let said = Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert_no_secret(&arguments.join(" "), &format!("{}{}", said.out, said.err));
        said
    }

    /// The lines of stdout as JSON.
    pub fn json(&self) -> Vec<Json> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
    }

    /// Asserts the exit code, and shows all when it is another.
    #[track_caller]
    pub fn exit(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn err_has(self, words: &str) -> Said {
        assert!(self.err.contains(words), "`{words}` is missing in:\n{}", self.err);
        self
    }

    #[track_caller]
    pub fn out_is_empty(self) -> Said {
        assert_eq!(self.out, "");
        self
    }

    #[track_caller]
    pub fn out_has(self, words: &str) -> Said {
        assert!(self.out.contains(words), "`{words}` is missing in:\n{}", self.out);
        self
    }
}

#[track_caller]
fn assert_no_secret(command: &str, text: &str) {
    for secret in [TOKEN, SECRET, PASSWORD] {
        assert!(!text.contains(secret), "a secret is in the output of `{command}`:\n{text}");
    }
}

/// A running service. It is killed when a test ends without stopping it.
pub struct Service {
    child: Child,
    lines: Receiver<String>,
    pub address: String,
}

impl Service {
    /// Reads the log up to a line with these words.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str) -> String {
        let mut seen = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => seen.push_str(&format!("{line}\n")),
                Err(RecvTimeoutError::Timeout) => panic!("no line with `{words}` came; there were:\n{seen}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the service ended before a line with `{words}`:\n{seen}"),
            }
        }
    }

    /// Status and body of a page.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("the service listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert_no_secret(path, &answer);
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// Asks it to stop; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(killed.success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
