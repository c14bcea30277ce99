//! The distribution that is tried: made from the image under a name of its own, and removed when this is dropped.

use std::fs;
use std::path::{Path, PathBuf};

use super::call::{Call, WslProgram};
use super::names;
use super::trouble::Trouble;

/// The distribution, and the ways to ask it something.
#[derive(Debug)]
pub struct Bench {
    /// What it is asked by.
    pub wsl: WslProgram,
    /// The image's file.
    pub image: PathBuf,
    /// Its name.
    pub name: String,
    /// The suite's own folder outside: the disks are in it.
    pub directory: PathBuf,
}

impl Bench {
    /// Imports the image.
    ///
    /// # Errors
    /// The folder cannot be made, or wsl.exe refuses the image.
    pub fn import(wsl: WslProgram, image: &Path, directory: Option<&Path>) -> Result<Self, Trouble> {
        let name = names::unique();
        let directory = directory.map_or_else(|| std::env::temp_dir().join(&name), |path| path.join(&name));
        fs::create_dir_all(&directory)
            .map_err(|error| Trouble::Failed(format!("{}: {error}", directory.display())))?;
        // Dropped from here on.
        let bench = Self { wsl, image: image.to_owned(), name, directory };
        let disk = bench.outside(&bench.name);
        let arguments = ["--import".into(), bench.name.clone().into(), disk.into_os_string(), image.into()];
        bench.wsl.call(arguments.into_iter().chain(["--version", "2"].map(Into::into))).ok()?;
        Ok(bench)
    }

    /// A line for the user's shell, as `wsl LINE` hands it on.
    #[must_use]
    pub fn line(&self, line: &str) -> Call<'_> {
        self.wsl.call(["-d", &self.name, "--"]).line(line)
    }

    /// The same for root's shell.
    #[must_use]
    pub fn root_line(&self, line: &str) -> Call<'_> {
        self.wsl.call(["-d", &self.name, "-u", "root", "--"]).line(line)
    }

    /// A program that WSL starts without a shell.
    #[must_use]
    pub fn exec(&self, program: &[&str]) -> Call<'_> {
        self.wsl.call([&["-d", &self.name, "-e"], program].concat())
    }

    /// The same as root.
    #[must_use]
    pub fn root_exec(&self, program: &[&str]) -> Call<'_> {
        self.wsl.call([&["-d", &self.name, "-u", "root", "-e"], program].concat())
    }

    /// A script for `sh`, as the user: by way of the login shell, so that it runs beside systemd and with its environment.
    #[must_use]
    pub fn script(&self, script: &str) -> Call<'_> {
        self.line("sh -s").input(script)
    }

    /// The same as root.
    #[must_use]
    pub fn root_script(&self, script: &str) -> Call<'_> {
        self.root_line("sh -s").input(script)
    }

    /// A file's text, by nothing but a shell: before the first start there may be no other program.
    #[must_use]
    pub fn file(&self, path: &str) -> Call<'_> {
        let script = "while IFS= read -r line; do printf '%s\\n' \"$line\"; done <\"$1\"";
        self.root_exec(&["/bin/sh", "-s", path]).input(script)
    }

    /// The default user's name.
    ///
    /// # Errors
    /// It is root, or nobody.
    pub fn user(&self) -> Result<String, Trouble> {
        let reply = self.line("id -un").reply()?;
        match reply.out.trim() {
            "" | "root" => Err(reply.fault("the default user is no ordinary user")),
            name => Ok(name.to_owned()),
        }
    }

    /// Ends the distribution, so that the next call starts it.
    ///
    /// # Errors
    /// wsl.exe refuses.
    pub fn terminate(&self) -> Result<(), Trouble> {
        self.wsl.call(["--terminate", &self.name]).ok().map(drop)
    }

    /// A second distribution's name.
    #[must_use]
    pub fn second(&self) -> String {
        format!("{}-second", self.name)
    }

    /// A file or folder of the suite's own outside: a distribution's disk by the distribution's name.
    #[must_use]
    pub fn outside(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A line for the user's shell of another distribution, which a case has made.
    #[must_use]
    pub fn line_in(&self, name: &str, line: &str) -> Call<'_> {
        self.wsl.call(["-d", name, "--"]).line(line)
    }

    /// Removes what was made.
    fn clean(&self) {
        for name in [self.second(), self.name.clone()] {
            // It may never have been there.
            drop(self.wsl.call(["--unregister", &name]).reply());
        }
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("{}: {error}", self.directory.display());
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.clean();
    }
}

/// Removes the distributions of suites that were interrupted: their names.
///
/// # Errors
/// wsl.exe refuses.
pub fn remove_leftovers(wsl: &WslProgram) -> Result<Vec<String>, Trouble> {
    let list = wsl.call(["--list", "--quiet"]).reply()?.out;
    let names: Vec<String> =
        list.lines().map(str::trim).filter(|name| name.starts_with(names::PREFIX)).map(Into::into).collect();
    for name in &names {
        wsl.call(["--unregister", name]).ok()?;
    }
    Ok(names)
}
