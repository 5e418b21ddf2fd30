//! What is told to people: on the console in a browser, on standard error natively, or as events of `tracing` where that
//! feature is on.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

#[cfg(target_family = "wasm")]
use crate::Exception;

/// How loudly something is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogLevel {
    /// Not at all.
    Off,
    /// As an error.
    Error,
    /// As a warning.
    Warn,
    /// As information.
    Info,
    /// For who looks for it: browsers hide it by default.
    #[default]
    Debug,
}

impl LogLevel {
    /// In the order of their numbers.
    #[cfg(target_family = "wasm")]
    pub(crate) const ALL: [Self; 5] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug];
}

thread_local! {
    static EXCEPTIONS: Cell<LogLevel> = const { Cell::new(LogLevel::Debug) };
}

/// At which level this thread, and the workers that it starts from here on, log every JavaScript exception that becomes an
/// [`Exception`](crate::Exception), with its stack, where it was caught. What a service returns of it to its caller is the
/// service's affair. [`LogLevel::Debug`] in the beginning.
pub fn log_exceptions(level: LogLevel) {
    EXCEPTIONS.set(level);
}

/// The level that was set.
#[cfg(target_family = "wasm")]
pub(crate) fn exceptions() -> LogLevel {
    EXCEPTIONS.get()
}

/// Logs an exception where it was caught.
#[cfg(target_family = "wasm")]
pub(crate) fn log_exception(exception: &Exception) {
    let level = exceptions();
    if level > LogLevel::Off {
        // Firefox's stacks do not begin with the message, Chromium's do.
        let stack = exception.stack.trim_start_matches(&exception.to_string()).trim_end();
        tell(level, &format!("sabrpc: caught {exception}\n{}", stack.trim_start_matches('\n')));
    }
}

/// Tells a person what no call can tell any more.
pub(crate) fn log(message: &str) {
    tell(LogLevel::Warn, message);
}

fn tell(level: LogLevel, message: &str) {
    #[cfg(feature = "tracing")]
    match level {
        LogLevel::Off => {}
        LogLevel::Error => tracing::error!("{message}"),
        LogLevel::Warn => tracing::warn!("{message}"),
        LogLevel::Info => tracing::info!("{message}"),
        LogLevel::Debug => tracing::debug!("{message}"),
    }
    #[cfg(all(target_family = "wasm", not(feature = "tracing")))]
    match level {
        LogLevel::Off => {}
        LogLevel::Error => web_sys::console::error_1(&message.into()),
        LogLevel::Warn => web_sys::console::warn_1(&message.into()),
        LogLevel::Info => web_sys::console::info_1(&message.into()),
        LogLevel::Debug => web_sys::console::debug_1(&message.into()),
    }
    #[cfg(not(any(target_family = "wasm", feature = "tracing")))]
    if level > LogLevel::Off {
        eprintln!("{message}");
    }
}
