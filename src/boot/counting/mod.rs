//! Boot counting: which systems may be started, told from how their last starts ended.
//!
//! ```text
//!                         nixos-wsl boot N; or a start that ends in the rescue: all of them
//!      ┌───────────────────────────────────────────────────────────────────────────────────────────────┐
//!      ▼                                                                                               │
//!   waiting, ──(begin)──► starting, ─┬─(complete) multi-user.target ───────────────► waiting, 0        │
//!   n attempts            n + 1      │                                               "has completed"   │
//!      ▲                             ├─(take back) emergency or rescue mode; stopped                   │
//!      │                             │             from outside in time ───────────► waiting, n        │
//!      │                             ├─(fail) activation or exec fails; powers off or restarts         │
//!      │                             │        by itself; stopped from outside, but                     │
//!      │                             │        overdue: with the reason ────────┐                       │
//!      │                             └─ dies, is cut off: nothing is written ──┤                       │
//!      │                                                                       ▼                       │
//!      └───────────── n + 1 below the limit ◄───────────────────────────── n + 1 attempts              │
//!                                                                              │                       │
//!                              passed over ◄── n + 1 at the limit ─────────────┘                       │
//!                                   └──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The limit is [`state::ATTEMPTS`], and one more for a system that has completed a start before. "From outside" is WSL
//! (`wsl --terminate`, `--shutdown`, an idle distribution) or `nixos-wsl stop`; "overdue" is `wsl.boot.startTimeout`.
//! Whoever stops a start from inside, a unit as well as a user with `poweroff`, ends it as one that failed.
//!
//! Every change is one read, change and write under one lock ([`file::update`]); a change that cannot be written is not
//! made, and the start goes on uncounted. `--once` is taken only together with the attempt it is for: what cannot be noted
//! as used up is not used, because it would be used again and again.

pub mod file;
mod start;
pub mod state;
mod stop;

use std::time::Duration;

use crate::system::generations::Generation;
use crate::system::root::Root;
pub use file::{FILE, SaveError, load, update};
use start::StartRecord;
pub use stop::shuts_down;

/// Notes that a generation is about to be started. `order` are the systems that exist; the choice for one start is
/// used up if it is this one. `limit` is how long it may take from then on, and again from [`activated`] on.
///
/// # Errors
/// The attempt is not counted, and a choice for one start not used up.
pub fn begin(
    root: &Root,
    generation: &Generation,
    order: &[Generation],
    limit: Duration,
) -> Result<(), SaveError> {
    StartRecord::now(generation.toplevel.clone(), limit).write(root);
    update(root, |state| {
        state.prune(order);
        state.begin(&generation.toplevel);
        if state.once == generation.number {
            state.once = None;
        }
    })
}

/// Notes that a generation's activation has ended and systemd follows: the time that its start may take begins.
pub fn activated(root: &Root, generation: &Generation, limit: Duration) {
    StartRecord::now(generation.toplevel.clone(), limit).write(root);
}

/// Notes that the running start has reached multi-user.target.
///
/// # Errors
/// Those of writing, if an attempt stays counted for it; otherwise what is lost is a date, and the warning is given back.
pub fn complete(root: &Root) -> Result<Option<SaveError>, SaveError> {
    let Some(start) = StartRecord::running(root) else { return Ok(None) };
    let Err(error) = update(root, |state| state.complete(&start.system)) else { return Ok(None) };
    let (state, _) = load(root);
    let counted = state.systems.get(&start.system).is_some_and(|record| record.attempts > 0);
    if counted { Err(error) } else { Ok(Some(error)) }
}

/// Notes that the running start has ended where its user takes over: emergency or rescue mode.
///
/// # Errors
/// Those of writing.
pub fn emergency(root: &Root) -> Result<(), SaveError> {
    let Some(start) = StartRecord::running(root) else { return Ok(()) };
    update(root, |state| state.take_back(&start.system))
}

/// Whether WSL has begun to end the distribution since the start began.
#[must_use]
pub fn asked_by_wsl(root: &Root) -> bool {
    StartRecord::running(root).is_some_and(|start| start.asked_by_wsl())
}

/// Notes that the running start ends; for a unit that systemd starts when it shuts down.
///
/// # Errors
/// Those of writing.
pub fn stopping(root: &Root) -> Result<(), SaveError> {
    let Some(start) = StartRecord::running(root) else { return Ok(()) };
    if start.asked_by_wsl() {
        return asked_to_stop(root);
    }
    update(root, |state| state.fail_if_starting(&start.system, stop::BY_ITSELF))
}

/// Notes that the running start is ended from outside.
///
/// # Errors
/// Those of writing.
pub fn asked_to_stop(root: &Root) -> Result<(), SaveError> {
    let Some(start) = StartRecord::running(root) else { return Ok(()) };
    update(root, |state| match start.overdue() {
        None => state.take_back(&start.system),
        Some(age) => state.fail_if_starting(&start.system, &stop::overdue(age)),
    })
}
