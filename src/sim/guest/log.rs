//! WSL's log lines: to `/dev/kmsg` from init, to the user's standard error from a process about to be launched.

/// An error, as WSL's programs print it: `<3>WSL (<pid> - <who>) ERROR: <where>: <what>`.
macro_rules! wsl_error {
    ($who:expr, $($what:tt)*) => {
        eprintln!("<3>WSL ({} - {}) ERROR: {}", std::process::id(), $who, format_args!($($what)*))
    };
}
