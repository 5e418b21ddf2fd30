//! Starting other programs: what is run is printed, output streams through, and no program outlives
//! its deadline.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Long enough for the slowest step on a slow machine; reaching it means that something hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40 * 60);

/// Runs `command` to its end with its output passed through; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = run_lines(command, DEADLINE, |_| {})?;
    if !status.success() {
        bail!("`{}` failed ({status}); its output above says why", line_of(command));
    }
    Ok(())
}

/// Runs `command`, passes its output through, and shows each line of its standard output to `look`.
pub(crate) fn run_lines(
    command: &mut Command,
    deadline: Duration,
    mut look: impl FnMut(&str),
) -> Result<ExitStatus> {
    let line = line_of(command);
    println!("$ {line}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{line}` could not be started"))?;

    let (ended, watched) = mpsc::channel::<()>();
    let process = child.id();
    let watchdog = thread::spawn(move || {
        let late = watched.recv_timeout(deadline) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            kill_tree(process);
        }
        late
    });

    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            let mut out = std::io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
            look(String::from_utf8_lossy(&bytes).trim_end());
            bytes.clear();
        }
    }
    let status = child.wait()?;
    drop(ended);
    if watchdog.join().unwrap_or(false) {
        bail!("`{line}` had not ended after {} minutes and was stopped", deadline.as_secs() / 60);
    }
    Ok(status)
}

/// What `command` prints, without the white space around it; none when it can't be run or fails.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// `process` and everything that it started.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let listing = ask(Command::new("ps").args(["-A", "-o", "pid=,ppid="])).unwrap_or_default();
    let pairs: Vec<(u32, u32)> = listing
        .lines()
        .filter_map(|line| {
            let (child, parent) = line.trim().split_once(char::is_whitespace)?;
            Some((child.parse().ok()?, parent.trim().parse().ok()?))
        })
        .collect();
    let mut family = vec![process];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(pairs.iter().filter(|pair| pair.1 == parent).map(|pair| pair.0));
        next += 1;
    }
    family
}

/// Ends `process` and everything that it started: a driver killed alone would leave its browser.
pub(crate) fn kill_tree(process: u32) {
    let family = family(process);
    let pids = family.iter().map(u32::to_string);
    // Already gone is fine: that is what was wanted.
    let _ = Command::new("kill").arg("-KILL").args(pids).stderr(Stdio::null()).status();
}

/// Looks for a program by name in `PATH`, or by its full path.
pub(crate) fn find_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = Path::new(name.as_ref());
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// A command as a person would type it.
fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_seen_and_the_status_is_kept() {
        let mut seen = Vec::new();
        let script = "echo one; echo two; exit 3";
        let status = run_lines(Command::new("sh").args(["-c", script]), DEADLINE, |line| {
            seen.push(line.to_owned());
        });
        assert_eq!(status.unwrap().code(), Some(3));
        assert_eq!(seen, ["one", "two"]);
    }

    #[test]
    fn a_deadline_ends_the_program_and_its_children() {
        let short = Duration::from_millis(300);
        let script = "sleep 600 & wait";
        let outcome = run_lines(Command::new("sh").args(["-c", script]), short, |_| {});
        assert!(format!("{:#}", outcome.unwrap_err()).contains("was stopped"));
    }

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        let found = find_program("sh").unwrap();
        assert_eq!(find_program(&found), Some(found));
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
