//! What a process has used, as Linux tells it in `/proc`.

use serde::{Deserialize, Serialize};
use std::fs;
use std::future::Future;
use std::time::{Duration, Instant};

/// `/proc` counts in hundredths of a second, whatever the kernel's own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one run of a case came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measured {
    pub cpu_s: f64,
    pub wall_s: f64,
    pub peak_kb: u64,
}

/// Adds up what several runs used; what happens between them is not counted.
pub struct Meter {
    runs: u32,
    cpu_s: f64,
    wall: Duration,
}

impl Meter {
    /// Forgets the peak of the preparations. What they freed and the allocator kept is still in it.
    pub fn start() -> Meter {
        fs::write("/proc/self/clear_refs", "5").expect("the peak is forgotten");
        Meter { runs: 0, cpu_s: 0.0, wall: Duration::ZERO }
    }

    pub async fn run<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (cpu_s, started) = (cpu("self"), Instant::now());
        let result = work.await;
        self.wall += started.elapsed();
        self.cpu_s += cpu("self") - cpu_s;
        self.runs += 1;
        result
    }

    pub fn end(self) -> Measured {
        let runs = f64::from(self.runs);
        Measured { cpu_s: self.cpu_s / runs, wall_s: self.wall.as_secs_f64() / runs, peak_kb: memory("self", "VmHWM") }
    }
}

/// User and system time of a process in seconds.
pub fn cpu(pid: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name in parentheses may have blanks in it; behind it the user time is the 12th field and the system time the 13th.
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks / TICKS_PER_SECOND
}

/// A line of `/proc/PID/status`, in kB.
pub fn memory(pid: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
