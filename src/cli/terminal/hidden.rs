//! A line that is not shown while it is typed.

#[cfg(unix)]
pub use unix::{ask, give_back, take_again, wait_for_hangup};

#[cfg(not(unix))]
pub use elsewhere::{ask, give_back, wait_for_hangup};

#[cfg(unix)]
mod unix {
    use std::io::{self, Write};
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::time::Duration;

    use inquire::InquireError;
    use rustix::io::Errno;
    use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
    use zeroize::Zeroizing;

    use crate::base::secret::{InvalidSecret, Secret};

    /// A terminal passes on no longer line than this, and drops the rest
    /// without a word: a cut password must not be sent.
    const LONGEST_LINE: usize = if cfg!(target_os = "linux") { 4095 } else { 1023 };

    /// The question that is open, for the signal that interrupts it.
    static OPEN: Mutex<Option<Open>> = Mutex::new(None);

    struct Open {
        question: String,
        /// The modes of the terminal before the question.
        before: Termios,
    }

    /// Ends the question, also when the command fails or panics.
    struct Guard;

    impl Drop for Guard {
        fn drop(&mut self) {
            // Under one lock: a continued process must not hide again.
            if let Some(closing) = open().take() {
                closing.give_back();
            }
        }
    }

    /// Asks for one line. Line editing and signals stay with the terminal.
    pub fn ask(question: &str) -> Result<Result<Secret, InvalidSecret>, InquireError> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).map_err(io::Error::from)?;
        *open() = Some(Open { question: question.to_owned(), before });
        let _guard = Guard;
        take_again();
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE + 1));
        let mut chunk = Zeroizing::new([0; LONGEST_LINE + 1]);
        // Past std's standard input, whose buffer is never wiped.
        while line.last() != Some(&b'\n') && line.len() < LONGEST_LINE {
            match rustix::io::read(&stdin, &mut chunk[..]) {
                // Ctrl-D
                Ok(0) if line.is_empty() && tcgetattr(&stdin).is_ok() => {
                    let _ = writeln!(io::stderr());
                    return Err(InquireError::OperationCanceled);
                }
                Ok(0) if line.is_empty() => return Err(InquireError::IO(Errno::IO.into())),
                Ok(0) => break,
                Ok(read) => line.extend_from_slice(&chunk[..read]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(InquireError::IO(error.into())),
            }
        }
        if line.len() < LONGEST_LINE {
            Ok(Secret::read(&mut line.as_slice()))
        } else {
            Ok(Err(InvalidSecret::LongerThanALine))
        }
    }

    impl Open {
        fn give_back(&self) {
            // What was typed in hiding must not be read by a program that shows it.
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        }
    }

    /// Puts the modes back; says whether a question is open.
    pub fn give_back() -> bool {
        let open = open();
        if let Some(open) = &*open {
            open.give_back();
        }
        open.is_some()
    }

    /// Hides what is typed and puts the question that is open. Hides first:
    /// who answers at once must not be shown.
    pub fn take_again() {
        if let Some(open) = &*open() {
            let mut modes = open.before.clone();
            modes.local_modes.remove(LocalModes::ECHO);
            modes.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
            let mut stderr = io::stderr();
            let _ = write!(stderr, "\r? {} (not shown) ", open.question).and_then(|()| stderr.flush());
        }
    }

    /// A terminal that is gone ends a read a moment before the signal that
    /// says so; the signal shall decide how the process ends.
    pub fn wait_for_hangup() {
        if tcgetattr(io::stdin()).is_err() {
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn open() -> MutexGuard<'static, Option<Open>> {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use inquire::{InquireError, Password, PasswordDisplayMode};

    use crate::base::secret::{InvalidSecret, Secret};

    /// Asks for one line, which inquire reads key by key.
    pub fn ask(question: &str) -> Result<Result<Secret, InvalidSecret>, InquireError> {
        let password = Password::new(question).with_display_mode(PasswordDisplayMode::Hidden);
        password.without_confirmation().prompt().map(Secret::new)
    }

    pub fn give_back() -> bool {
        false
    }

    pub fn wait_for_hangup() {}
}
