//! The registry: one folder for each distribution, and the name of the default one.
//!
//! Registrations are replaced by rename under one lock, and say who is at work on them, so that the next command
//! cleans up after one that was killed in the middle.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sim::host::variables;
use crate::sim::wire::error::{Error, Result};
use crate::sim::wire::registration::{DistributionState, Registration, delete};
use crate::sim::wire::time::TimeFactor;
use crate::system::error::{Context, Failure};
use crate::system::replace::{self, Attributes, Durability};
use crate::wsl::distribution::valid_name;

/// The registry's directory.
#[derive(Clone, Debug)]
pub struct Registry {
    home: PathBuf,
    time_factor: TimeFactor,
}

/// The registry, locked against every other command.
pub struct Locked<'a> {
    registry: &'a Registry,
    _lock: File,
}

impl Registry {
    /// Opens the registry of the environment: `WSL_SIM_HOME`, else `wsl-sim` in the user's state directory.
    ///
    /// # Errors
    ///
    /// No such directory is known or can be made, or the factor for time limits is none.
    pub fn open() -> Result<Self> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = variable("WSL_SIM_HOME")
            .or_else(|| variable("XDG_STATE_HOME").map(|state| state.join("wsl-sim")))
            .or_else(|| variable("HOME").map(|home| home.join(".local/state/wsl-sim")))
            .ok_or_else(|| {
                Error::Missing("set WSL_SIM_HOME: neither it nor HOME is in the environment".into())
            })?;
        fs::create_dir_all(&home).doing_at("make", &home)?;
        let home = home.canonicalize().doing_at("resolve", &home)?;
        Ok(Self { home, time_factor: variables::time_factor()? })
    }

    /// Its directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A time limit on this machine.
    #[must_use]
    pub fn stretch(&self, limit: Duration) -> Duration {
        self.time_factor.stretch(limit)
    }

    /// Locks the registry for a short while, after cleaning up what killed commands left.
    ///
    /// # Errors
    ///
    /// The lock cannot be had or a remnant not be removed.
    pub fn lock(&self) -> Result<Locked<'_>, Failure> {
        let path = self.home.join("lock");
        let lock = File::options().create(true).append(true).open(&path).doing_at("open", &path)?;
        lock.lock().doing_at("lock", &path)?;
        let locked = Locked { registry: self, _lock: lock };
        locked.clean_up()?;
        Ok(locked)
    }

    /// The folder of one distribution.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.home.join("distributions").join(name.to_ascii_lowercase())
    }

    /// Serialises starts and stops of one distribution. The lock ends with the file.
    ///
    /// # Errors
    ///
    /// The folder is gone.
    pub fn lock_instance(&self, name: &str) -> Result<File, Failure> {
        let path = self.folder(name).join("instance.lock");
        let lock = File::options().create(true).append(true).open(&path).doing_at("open", &path)?;
        lock.lock().doing_at("lock", &path)?;
        Ok(lock)
    }

    /// As [`Registry::lock_instance`], but `None` where another command has it.
    ///
    /// # Errors
    ///
    /// The folder is gone.
    pub fn try_lock_instance(&self, name: &str) -> Result<Option<File>, Failure> {
        let path = self.folder(name).join("instance.lock");
        let lock = File::options().create(true).append(true).open(&path).doing_at("open", &path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).doing_at("lock", &path),
        }
    }
}

impl Locked<'_> {
    /// All registrations, by name.
    ///
    /// # Errors
    ///
    /// The registry cannot be read.
    pub fn all(&self) -> Result<Vec<Registration>, Failure> {
        let mut all = Vec::new();
        for folder in self.folders()? {
            all.extend(read(&folder)?);
        }
        all.sort_by(|a, b| a.distribution_name.cmp(&b.distribution_name));
        Ok(all)
    }

    /// One registration.
    ///
    /// # Errors
    ///
    /// [`Error::not_found`], or the registry cannot be read.
    pub fn get(&self, name: &str) -> Result<Registration> {
        if !valid_name(name) {
            return Err(Error::not_found());
        }
        read(&self.registry.folder(name))?.ok_or_else(Error::not_found)
    }

    /// A distribution that can be used.
    ///
    /// # Errors
    ///
    /// There is none of that name, or it is being installed, removed or exported.
    pub fn installed(&self, name: &str) -> Result<Registration> {
        let registration = self.get(name)?;
        if registration.state == DistributionState::Installed { Ok(registration) } else { Err(Error::busy()) }
    }

    /// Adds or replaces a registration; the first one becomes the default.
    ///
    /// # Errors
    ///
    /// The registry cannot be written.
    pub fn put(&self, registration: &Registration) -> Result<(), Failure> {
        let folder = self.registry.folder(&registration.distribution_name);
        fs::create_dir_all(&folder).doing_at("make", &folder)?;
        let json = serde_json::to_vec_pretty(registration)
            .map_err(io::Error::from)
            .doing("encode the registration")?;
        replace(&folder.join("registration.json"), &json)?;
        if registration.state == DistributionState::Installed && self.chosen()?.is_none() {
            self.set_default(&registration.distribution_name)?;
        }
        Ok(())
    }

    /// Removes a registration. If it was the default one, the first of the others is from now on.
    ///
    /// # Errors
    ///
    /// The registry cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        self.remove_folder(&self.registry.folder(name), name)
    }

    /// Gives a distribution whose name was not known before its import the folder of that name. A disk in the folder
    /// moves with it.
    ///
    /// # Errors
    ///
    /// The registry cannot be written.
    pub fn rename(&self, provisional: &str, registration: &mut Registration) -> Result<(), Failure> {
        let old = self.registry.folder(provisional);
        let new = self.registry.folder(&registration.distribution_name);
        fs::rename(&old, &new).doing_at("rename", &old)?;
        if let Ok(inside) = registration.base_path.strip_prefix(&old) {
            registration.base_path = new.join(inside);
        }
        Ok(())
    }

    fn remove_folder(&self, folder: &Path, name: &str) -> Result<(), Failure> {
        // First the default: a command that is killed in between leaves a folder that the next one deletes.
        if self.chosen()?.is_some_and(|default| default.eq_ignore_ascii_case(name)) {
            let others = self.all()?.into_iter().filter(|other| other.state == DistributionState::Installed);
            match others.map(|other| other.distribution_name).find(|other| !other.eq_ignore_ascii_case(name))
            {
                // Without a choice, which a full disk does not take, it is the first one.
                Some(other) if self.set_default(&other).is_ok() => {}
                _ => delete(&self.registry.home.join("default"))?,
            }
        }
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).doing_at("delete", folder),
            _ => Ok(()),
        }
    }

    /// Name of the default distribution: the chosen one, else the first.
    ///
    /// # Errors
    ///
    /// The registry cannot be read.
    pub fn default(&self) -> Result<Option<String>, Failure> {
        if let Some(chosen) = self.chosen()? {
            return Ok(Some(chosen));
        }
        let mut all = self.all()?.into_iter();
        Ok(all.find(|other| other.state == DistributionState::Installed).map(|other| other.distribution_name))
    }

    /// The default distribution as it is recorded, if it exists.
    fn chosen(&self) -> Result<Option<String>, Failure> {
        let path = self.registry.home.join("default");
        match fs::read_to_string(&path) {
            Ok(name) => Ok(read(&self.registry.folder(&name))?.map(|found| found.distribution_name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing_at("read", &path),
        }
    }

    /// Makes a distribution the default one.
    ///
    /// # Errors
    ///
    /// The registry cannot be written.
    pub fn set_default(&self, name: &str) -> Result<(), Failure> {
        replace(&self.registry.home.join("default"), name.as_bytes())
    }

    fn folders(&self) -> Result<Vec<PathBuf>, Failure> {
        let path = self.registry.home.join("distributions");
        match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries
                .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
                .doing_at("read", &path),
        }
    }

    /// Finishes what killed commands began: a half import is undone, a half removal completed.
    fn clean_up(&self) -> Result<(), Failure> {
        clear(&self.registry.home)?;
        for folder in self.folders()? {
            clear(&folder)?;
            match read(&folder)? {
                None => fs::remove_dir_all(&folder).doing_at("delete", &folder)?,
                Some(registration) => match registration.state {
                    DistributionState::Installing(worker) | DistributionState::Uninstalling(worker)
                        if !worker.alive() =>
                    {
                        registration.delete_disk()?;
                        self.remove_folder(&folder, &registration.distribution_name)?;
                    }
                    DistributionState::Exporting(worker)
                        if !worker.alive() && registration.moving_to.is_some() =>
                    {
                        let mut registration = registration;
                        registration.end_move();
                        registration.end_export()?;
                        self.put(&registration)?;
                    }
                    DistributionState::Exporting(worker) if !worker.alive() => {
                        let mut registration = registration;
                        registration.end_export()?;
                        self.put(&registration)?;
                    }
                    _ => {}
                },
            }
        }
        Ok(())
    }
}

fn read(folder: &Path) -> Result<Option<Registration>, Failure> {
    let path = folder.join("registration.json");
    match fs::read(&path) {
        Ok(json) => {
            serde_json::from_slice(&json).map(Some).map_err(io::Error::from).doing_at("decode", &path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing_at("read", &path),
    }
}

/// Writes a file so that a reader sees the old or the new contents, whatever is killed in between.
///
/// It is not synced: that would bring everything to the disk that an import has just unpacked, and a machine that
/// loses its power has lost its simulated distributions' unsynced files as well.
///
/// # Errors
///
/// The file cannot be written; the old one is still there.
pub fn replace(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    replace::write(path, contents, Attributes::mode(0o644), Durability::None)
        .map(drop)
        .map_err(|failure| Failure::new("write", path, failure.into_reason()))
}

/// Removes what killed writers have left in a folder of the registry.
fn clear(folder: &Path) -> Result<(), Failure> {
    let open = File::open(folder).doing_at("open", folder)?;
    replace::clear_folder(open.as_fd()).doing_at("read", folder)
}
