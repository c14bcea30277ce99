//! SIGINT, SIGTERM and SIGHUP as a request to stop, so that nothing half written stays behind.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{ImageError, Result};

/// Whether a signal asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// Takes the signals over from now on.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn listen() -> io::Result<Self> {
        let seen = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&seen), number)?;
        }
        Ok(Self(seen))
    }

    /// The signal that came, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        i32::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|signal| *signal != 0)
    }

    /// Fails once a signal has come.
    ///
    /// # Errors
    /// [`ImageError::Interrupted`].
    pub fn check(&self) -> Result<()> {
        if self.signal().is_some() { Err(ImageError::Interrupted) } else { Ok(()) }
    }
}
