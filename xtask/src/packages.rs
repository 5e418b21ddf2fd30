//! Installing system packages with apt, and naming them, with the command, where there is no apt.

use std::io::IsTerminal;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// Something that a command needs and that package managers have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packages {
    /// What it is called in messages.
    pub(crate) what: &'static str,
    /// Debian's packages.
    pub(crate) debian: &'static [&'static str],
    /// Ubuntu's, where they differ from Debian's.
    pub(crate) ubuntu: &'static [&'static str],
    /// Fedora's.
    pub(crate) fedora: &'static str,
    /// Arch's.
    pub(crate) arch: &'static str,
    /// Homebrew's arguments.
    pub(crate) brew: &'static str,
}

impl Packages {
    /// Installs the packages, or says how a person can.
    pub(crate) fn install(&self) -> Result<()> {
        if shell::find_program("apt-get").is_none() {
            bail!("{} is missing. {}", self.what, self.advice());
        }
        let Some(root) = become_root() else {
            bail!("{} is missing, and only root may install it. {}", self.what, self.advice());
        };
        println!("{} is missing: installing it with apt-get", self.what);
        // Old lists name old versions, such as a browser that lacks what the tests look for. Without a network they may
        // still do, where what they name is at hand.
        if let Err(error) = apt_get(&root, &["update"]) {
            println!("the lists of packages could not be brought up to date: {error:#}");
        }
        if let Err(error) = apt_get(&root, &self.install_arguments()) {
            bail!("{} could not be installed: {error:#}. {}", self.what, self.advice());
        }
        Ok(())
    }

    fn names(&self) -> &'static [&'static str] {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        if release.lines().any(|line| line == "ID=ubuntu") { self.ubuntu } else { self.debian }
    }

    fn install_arguments(&self) -> Vec<&'static str> {
        ["install", "--yes", "--no-install-recommends"]
            .into_iter()
            .chain(self.names().iter().copied())
            .collect()
    }

    fn advice(&self) -> String {
        format!(
            "Install it and run this again:\n  \
             Debian:  sudo apt-get update && sudo apt-get install {}\n  \
             Ubuntu:  sudo apt-get update && sudo apt-get install {}\n  \
             Fedora:  sudo dnf install {}\n  \
             Arch:    sudo pacman -S {}\n  \
             macOS:   brew install {}",
            self.debian.join(" "),
            self.ubuntu.join(" "),
            self.fedora,
            self.arch,
            self.brew,
        )
    }
}

/// The words before a command that make it run as root; none when there is no way without asking.
fn become_root() -> Option<Vec<&'static str>> {
    if shell::ask(Command::new("id").arg("-u")).as_deref() == Some("0") {
        return Some(Vec::new());
    }
    shell::find_program("sudo")?;
    if std::io::stdin().is_terminal() {
        return Some(vec!["sudo"]);
    }
    shell::ask(Command::new("sudo").args(["-n", "true"])).map(|_| vec!["sudo", "-n"])
}

fn apt_get(root: &[&str], arguments: &[&str]) -> Result<()> {
    // `env` rather than an environment variable: sudo does not pass those on.
    let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let mut words = root.iter().copied().chain(words).chain(arguments.iter().copied());
    let mut command = Command::new(words.next().unwrap_or("apt-get"));
    shell::run(command.args(words))
}
