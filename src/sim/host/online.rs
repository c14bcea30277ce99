//! `--install NAME`: the lists of distributions that the registry of Windows names, and the download of an archive (W§8.3).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::digest::{hexadecimal, sha256};
use crate::sim::wire::error::{Error, Result};
use crate::system::error::Failure;
use crate::wsl::distribution::valid_name;
use crate::wsl::manifest::{DistributionArchive, DistributionList, DistributionVersion};

/// `DistributionListUrl` of the registry: the list itself. Windows has an address of Microsoft's where there is none.
const LIST: &str = "WSL_SIM_DISTRIBUTION_LIST_URL";
/// `DistributionListUrlAppend` of the registry: a list that wins.
const APPENDED: &str = "WSL_SIM_DISTRIBUTION_LIST_URL_APPEND";

/// WSL's code where a connection ends too early.
const CUT_OFF: &str = "Wsl/InstallDistro/WININET_E_CONNECTION_ABORTED";

/// An archive on this machine; one that was downloaded ends with this value.
pub struct Download {
    /// The file.
    pub path: PathBuf,
    temporary: bool,
}

impl Drop for Download {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The version that a name, or no name, means in the lists of this machine.
///
/// # Errors
///
/// A list cannot be had, or has no such version.
pub fn find(name: Option<&str>) -> Result<DistributionVersion> {
    let address = |variable| std::env::var(variable).ok().filter(|url| !url.is_empty());
    let appended = address(APPENDED);
    let Some(list) = address(LIST).or_else(|| appended.clone()) else {
        return Err(Error::Missing(format!(
            "no list of distributions here: {LIST} is its address, as DistributionListUrl in the registry of Windows; \
             or use --from-file FILE"
        )));
    };
    let list = fetch_list(&list)?;
    let appended = appended.as_deref().map(fetch_list).transpose()?;
    let default = || appended.as_ref().and_then(|list| list.default.as_deref()).or(list.default.as_deref());
    let name = name.or_else(default).ok_or_else(|| {
        Error::wsl(
            "Wsl/InstallDistro/E_UNEXPECTED",
            "No default distribution has been configured. Please provide a distribution to install.",
        )
    })?;
    if let Some(version) = appended.as_ref().and_then(|list| list.find(name)) {
        eprintln!("wsl: The distribution \"{name}\" is provided by an override manifest.");
        return Ok(version.clone());
    }
    list.find(name).cloned().ok_or_else(|| {
        Error::wsl(
            "Wsl/InstallDistro/WSL_E_DISTRO_NOT_FOUND",
            format!(
                "Invalid distribution name: '{name}'.\n\
                 To get a list of valid distributions, use 'wsl.exe --list --online'."
            ),
        )
    })
}

/// Takes the archive of a version, and nothing that an earlier download has left; `say` is told what is done.
///
/// # Errors
///
/// It cannot be had whole, or is another than the list says. Nothing of it stays then.
pub fn download(version: &DistributionVersion, say: &mut dyn FnMut(&str)) -> Result<Download> {
    let unexpected = || Error::wsl("Wsl/InstallDistro/E_UNEXPECTED", "Catastrophic failure");
    let archive = version.archive().ok_or_else(unexpected)?;
    // WSL finds this out after the download, which takes the name for a file's.
    if !valid_name(&version.name) {
        return Err(Error::wsl(
            "Wsl/InstallDistro/Service/RegisterDistro/E_INVALIDARG",
            format!("Invalid distribution name: \"{}\".", version.name),
        ));
    }
    let download = if let Some(path) = local(&archive.url) {
        Download { path, temporary: false }
    } else {
        say(&format!("Downloading: {}", version.friendly_name));
        let (mut file, download) = new_file(&version.name)?;
        let mut body =
            request(&archive.url).map_err(|error| Error::wsl(code(&error), reason(&archive.url, &error)))?;
        // A cut connection is an error of the body's.
        io::copy(&mut body, &mut file).map_err(|error| Error::wsl(CUT_OFF, error.to_string()))?;
        download
    };
    say(&format!("Installing: {}", version.friendly_name));
    check(&download.path, archive)?;
    Ok(download)
}

/// Compares the file with the hash of the list.
fn check(path: &Path, archive: &DistributionArchive) -> Result<()> {
    let actual = sha256(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Error::wsl("Wsl/InstallDistro/ERROR_FILE_NOT_FOUND", "The system cannot find the file specified.")
        }
        _ => Failure::new("read", path, error).into(),
    })?;
    let wanted = archive.digest().ok_or_else(|| {
        Error::wsl(
            "Wsl/InstallDistro/VerifyChecksum/E_INVALIDARG",
            format!("Invalid hex string: {}", archive.sha256),
        )
    })?;
    if wanted == actual {
        return Ok(());
    }
    let digits = hexadecimal(&actual);
    Err(Error::wsl(
        "Wsl/InstallDistro/VerifyChecksum/TRUST_E_BAD_DIGEST",
        format!("The distribution hash doesn't match. Expected: {}, actual hash: {digits}", archive.sha256),
    ))
}

/// A new file for a download, beside whatever is there.
fn new_file(name: &str) -> Result<(File, Download)> {
    let folder = std::env::temp_dir();
    for number in 1.. {
        let file = if number == 1 { format!("{name}.wsl") } else { format!("{name} ({number}).wsl") };
        let path = folder.join(file);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, Download { path, temporary: true })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::new("make", &path, error).into()),
        }
    }
    unreachable!("there are more numbers than files in a folder")
}

fn fetch_list(url: &str) -> Result<DistributionList> {
    let could_not = |code: &'static str, reason: &str| {
        Error::wsl(code, format!("Failed to fetch the distribution list from '{url}'. {reason}"))
    };
    let mut json = Vec::new();
    match local(url) {
        Some(path) => File::open(path).and_then(|mut file| file.read_to_end(&mut json)),
        None => request(url)
            .map_err(|error| could_not(code(&error), &reason(url, &error)))?
            .read_to_end(&mut json),
    }
    .map_err(|error| could_not(CUT_OFF, &error.to_string()))?;
    DistributionList::parse(&json).map_err(|error| {
        could_not("Wsl/InstallDistro/WSL_E_INVALID_JSON", &format!("Invalid JSON document. {error}"))
    })
}

/// The file of a `file://` address; WSL passes over a third slash, which begins a path here.
fn local(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://")?;
    Some(Path::new("/").join(path.trim_start_matches('/')))
}

/// Asks for a whole file, past every cache, and without a proxy: Windows has its own settings for that.
fn request(url: &str) -> Result<impl Read + use<>, ureq::Error> {
    if url.starts_with("https:") {
        return Err(ureq::Error::TlsRequired);
    }
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    Ok(agent.get(url).header("Cache-Control", "no-cache").call()?.into_body().into_reader())
}

/// The code that WSL has for what its HTTP client says.
fn code(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::StatusCode(403) => "Wsl/InstallDistro/HTTP_E_STATUS_FORBIDDEN",
        ureq::Error::StatusCode(404) => "Wsl/InstallDistro/HTTP_E_STATUS_NOT_FOUND",
        ureq::Error::StatusCode(502) => "Wsl/InstallDistro/HTTP_E_STATUS_BAD_GATEWAY",
        ureq::Error::StatusCode(503) => "Wsl/InstallDistro/HTTP_E_STATUS_SERVICE_UNAVAIL",
        ureq::Error::HostNotFound => "Wsl/InstallDistro/WININET_E_NAME_NOT_RESOLVED",
        ureq::Error::Timeout(_) => "Wsl/InstallDistro/WININET_E_TIMEOUT",
        ureq::Error::Io(error) if error.kind() != io::ErrorKind::ConnectionRefused => CUT_OFF,
        _ => "Wsl/InstallDistro/WININET_E_CANNOT_CONNECT",
    }
}

fn reason(url: &str, error: &ureq::Error) -> String {
    match error {
        ureq::Error::TlsRequired => format!("{url}: the simulator takes http:// and file:// only"),
        error => error.to_string(),
    }
}
