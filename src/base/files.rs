//! Files that are read with suspicion and written atomically.
//!
//! A write goes to a temporary file beside the target and is renamed over it,
//! so a crash at any instant leaves the old or the new content. Locks are
//! kernel locks on files that are never deleted; they end with the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::base::shown::Step;
#[cfg(unix)]
use crate::base::shown::shown;

/// Temporary files of runs that died are removed once they are this old.
const STALE: Duration = Duration::from_secs(3600);
const TEMPORARY_PREFIX: &str = ".snow-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Why a file could not be read as one.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is larger than {} MiB", .0 / (1024 * 1024))]
    TooLarge(u64),
    #[error("it belongs to another user")]
    Foreign,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether content must survive a power cut or is only a memory of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Durable,
    /// In place before it is durable, so that a kill meets the new content as soon as
    /// possible. Until the disk has it, the former content is kept beside it: after a power
    /// cut, [`read_former`] gives that if the file is damaged.
    Swift,
    Cached,
}

/// Reads a regular file of at most `limit` bytes, `None` where there is none.
/// Never waits for a pipe and never reads a device.
pub fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = match patiently(|| options.open(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A dangling link is not the same as no file.
            return match fs::symlink_metadata(path) {
                Ok(_) => Err(error.into()),
                Err(_) => Ok(None),
            };
        }
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile);
    }
    if metadata.len() > limit {
        return Err(ReadError::TooLarge(limit));
    }
    if is_foreign(&metadata) {
        return Err(ReadError::Foreign);
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(ReadError::TooLarge(limit)) } else { Ok(Some(bytes)) }
}

/// Replaces the content of `path`, readable by its owner alone whatever the
/// umask says. A symbolic link stays, and its target is replaced.
pub fn write(path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    Replacement::begin(path)?.finish(content, durability)
}

/// A [`write()`] whose temporary file can be there before the content is.
pub struct Replacement {
    target: PathBuf,
    directory: PathBuf,
    /// None where the file cannot be replaced, only written to.
    temporary: Option<tempfile::NamedTempFile>,
}

impl Replacement {
    pub fn begin(path: &Path) -> io::Result<Self> {
        let (target, directory) = place_of(path)?;
        remove_stale(&directory);
        let temporary = match private_temporary(&directory) {
            Err(error) if is_beside_a_mount(&error, &target) => None,
            temporary => Some(temporary?),
        };
        Ok(Self { target, directory, temporary })
    }

    pub fn finish(self, content: &[u8], durability: Durability) -> io::Result<()> {
        let Self { target, directory, temporary } = self;
        let Some(mut temporary) = temporary else { return overwrite(&target, content) };
        temporary.write_all(content)?;
        let former = former(&target);
        // One that is there may be all that a power cut has left.
        let is_kept = durability == Durability::Swift && fs::hard_link(&target, &former).is_ok();
        if durability != Durability::Cached && !is_kept {
            temporary.as_file().sync_all()?;
        }
        let replaced = persist(temporary, &target).and_then(|file| {
            let synced = if is_kept { file.sync_all() } else { Ok(()) };
            synced.or_else(|error| fs::rename(&former, &target).and(Err(error)))
        });
        if is_kept {
            let _ = fs::remove_file(&former);
        }
        match replaced {
            Err(error) if is_of_a_mount(&error) => return overwrite(&target, content),
            replaced => replaced?,
        }
        if durability != Durability::Cached {
            sync_directory(&directory);
        }
        if durability == Durability::Swift && !is_kept {
            let _ = fs::remove_file(&former);
        }
        Ok(())
    }
}

/// A rename itself lives in the directory. A file system that cannot sync one has still
/// done the rename.
#[cfg(unix)]
fn sync_directory(directory: &Path) {
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) {}

/// What a file held before a [`Durability::Swift`] write that a power cut may have broken off.
pub fn read_former(path: &Path, limit: u64) -> Option<Vec<u8>> {
    read(&former(&target_of(&absolute(path)).ok()?), limit).ok()?
}

fn former(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".former");
    name.into()
}

/// Shows that [`write()`] would find a place. Leaves a file that is there as it is.
pub fn prove_writable(path: &Path) -> io::Result<()> {
    let (target, directory) = place_of(path)?;
    let opened = || OpenOptions::new().write(true).open(&target).map(drop);
    match private_temporary(&directory) {
        Err(error) if is_beside_a_mount(&error, &target) => opened(),
        Err(error) => Err(error),
        // Beside a file that is mounted read-only by itself there may be room.
        Ok(_) if target.is_file() => opened().or_else(|error| match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Err(error),
            _ => Ok(()),
        }),
        Ok(_) => Ok(()),
    }
}

/// Where content goes, in a directory that is there then.
fn place_of(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let target = target_of(&absolute(path))?;
    let directory = target
        .parent()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it has no parent directory"))?
        .to_owned();
    create_private_directory(&directory)?;
    Ok((target, directory))
}

/// The file that a path means: the target of a link that is ours. A link or a pipe of
/// another user, as shared directories may hold, would let them choose where it goes.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    let of_another = |what: &str| io::Error::new(io::ErrorKind::PermissionDenied, what);
    match fs::symlink_metadata(path) {
        Ok(metadata) if is_link_or_pipe(&metadata) && is_foreign(&metadata) => {
            Err(of_another("it is a link or a pipe that belongs to another user"))
        }
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

fn private_temporary(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    let temporary =
        tempfile::Builder::new().prefix(TEMPORARY_PREFIX).suffix(TEMPORARY_SUFFIX).tempfile_in(directory)?;
    set_mode(temporary.as_file(), 0o600)?;
    Ok(temporary)
}

/// Whether nothing can take the place of a file because it is mounted by itself, as
/// containers do with a single file.
fn is_of_a_mount(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices)
}

/// Whether only the file itself may be writable, since it is mounted into a directory
/// that is not.
fn is_beside_a_mount(error: &io::Error, target: &Path) -> bool {
    cfg!(unix) && error.kind() == io::ErrorKind::ReadOnlyFilesystem && target.is_file()
}

/// Writes to the file itself. A crash may leave a part of it, so only where it cannot
/// be replaced.
fn overwrite(target: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(target)?;
    let _ = set_mode(&file, 0o600);
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

/// Writes a file for others to read, as the umask has it: a new one whole or
/// not at all, also in directories that are missing. What is no file (a pipe, a
/// device) is written to as it stands.
pub fn publish(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut publication = Publication::begin(path)?;
    publication.write_all(content)?;
    publication.finish()
}

/// A file for others to read that comes piece by piece: see [`publish`].
pub enum Publication {
    New(tempfile::NamedTempFile, PathBuf),
    /// No file.
    Direct(File),
}

impl Publication {
    pub fn begin(path: &Path) -> io::Result<Self> {
        match publishable(path)? {
            Some(target) => Ok(Self::New(public_temporary(&target)?, target)),
            None => Ok(Self::Direct(OpenOptions::new().write(true).open(path)?)),
        }
    }

    /// Others may read it, whatever the umask says.
    pub fn for_others(&self) -> io::Result<()> {
        match self {
            Self::New(temporary, _) => set_mode(temporary.as_file(), 0o644),
            Self::Direct(_) => Ok(()),
        }
    }

    /// It takes its place. Without this there is nothing new.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::New(temporary, target) => {
                // A full disk may show itself only here.
                temporary.as_file().sync_all()?;
                persist(temporary, &target).map(drop)
            }
            Self::Direct(_) => Ok(()),
        }
    }
}

impl Write for Publication {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::New(temporary, _) => temporary.write(bytes),
            Self::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a file that grows, for this process alone; what it has stays.
pub fn open_growing(path: &Path) -> io::Result<File> {
    let target = publishable(path)?
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no file, which could grow"))?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(target)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::Error(error)) => Err(error),
        Err(fs::TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::WouldBlock, "another process writes it"))
        }
    }
}

/// Shows that [`publish`] would find a place. Leaves what is there as it is.
pub fn prove_publishable(path: &Path) -> io::Result<()> {
    match publishable(path)? {
        Some(target) => public_temporary(&target).map(drop),
        None => Ok(()),
    }
}

/// The file to be replaced; nothing where something else stands there.
fn publishable(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")),
        Ok(metadata) if metadata.is_file() => target_of(path).map(Some),
        Ok(_) => target_of(path).map(|_| None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            target_of(path)?;
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            Ok(Some(path.to_owned()))
        }
        Err(error) => Err(error),
    }
}

fn public_temporary(target: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let directory = target.parent().unwrap_or(Path::new("."));
    builder.prefix(TEMPORARY_PREFIX).suffix(TEMPORARY_SUFFIX).tempfile_in(directory)
}

/// Creates a directory and its missing parents, each for its owner alone.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_private_directory(parent)?;
    }
    match private_directory().create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Another process was quicker, or it is something else.
            let message =
                || io::Error::new(io::ErrorKind::NotADirectory, format!("{} is not a directory", path.display()));
            return if path.is_dir() { Ok(()) } else { Err(message()) };
        }
        other => other?,
    }
    #[cfg(unix)]
    {
        // A strange umask took more away than it should.
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// An exclusive kernel lock, released when dropped or when the process ends.
pub struct Lock(#[allow(dead_code, reason = "held for its Drop")] File);

impl Lock {
    /// Waits up to `timeout` for the lock on `path`; `None` means another
    /// process still held it then. What the file holds is of no importance.
    pub fn acquire(path: &Path, timeout: Duration) -> io::Result<Option<Self>> {
        if let Some(directory) = path.parent() {
            create_private_directory(directory)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(path)?;
        // A lock file made under a strange umask must open the next time.
        let _ = set_mode(&file, 0o600);
        let deadline = Instant::now() + timeout;
        let mut pause = Duration::from_millis(1);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self(file))),
                Err(fs::TryLockError::Error(error)) => return Err(error),
                Err(fs::TryLockError::WouldBlock) => {}
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            // Unequal steps, so that many waiters do not march together.
            std::thread::sleep(pause + Duration::from_micros(u64::from(std::process::id() % 997)));
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// The path with its `~` as a shell reads it. What no shell saw still has it: the value
/// of a variable in a unit or an image, and what follows `--flag=`.
pub fn at_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// An absolute path, also where the file does not exist.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn persist(temporary: tempfile::NamedTempFile, target: &Path) -> io::Result<File> {
    let mut temporary = Some(temporary);
    patiently(|| match temporary.take().expect("it comes back with each failure").persist(target) {
        Ok(file) => Ok(file),
        Err(failed) => {
            temporary = Some(failed.file);
            Err(failed.error)
        }
    })
}

/// Tries again for a second if another program holds the file. On Windows a virus
/// scanner, a backup or an editor may.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    /// ERROR_ACCESS_DENIED (a rename over an open file), ERROR_SHARING_VIOLATION,
    /// ERROR_LOCK_VIOLATION.
    const HELD: [i32; 3] = [5, 32, 33];
    let is_held = |error: &io::Error| cfg!(windows) && error.raw_os_error().is_some_and(|code| HELD.contains(&code));
    for _ in 0..20 {
        match attempt() {
            Err(error) if is_held(&error) => std::thread::sleep(Duration::from_millis(50)),
            other => return other,
        }
    }
    attempt()
}

fn remove_stale(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) && age.is_some_and(|age| age > STALE)
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Private from the start, should we die before its mode is set.
#[cfg(unix)]
fn private_directory() -> fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// What is below the directories of a user is theirs alone on Windows.
#[cfg(not(unix))]
fn private_directory() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

/// Owned by someone who is neither this user nor root.
#[cfg(unix)]
fn is_foreign(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    metadata.uid() != me && metadata.uid() != 0
}

#[cfg(unix)]
fn is_link_or_pipe(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.is_symlink() || metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_link_or_pipe(metadata: &fs::Metadata) -> bool {
    metadata.is_symlink()
}

#[cfg(not(unix))]
fn is_foreign(_: &fs::Metadata) -> bool {
    false
}

/// Who owns a path or, where it cannot be seen, the nearest directory above it.
#[cfg(unix)]
pub fn owner(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    path.ancestors().find_map(|path| fs::symlink_metadata(path).ok()).map(|metadata| metadata.uid())
}

/// What lets this user have again what root made, as a run under sudo does; or says who
/// else may use a path.
#[cfg(unix)]
pub fn way_back(path: &Path) -> Option<Step> {
    let me = rustix::process::geteuid().as_raw();
    let owners = path.ancestors().filter(|path| fs::symlink_metadata(path).is_ok()).map(|path| (path, owner(path)));
    let owners: Vec<_> = owners.collect();
    if me == 0 {
        let is_of_another = owners.first().is_some_and(|(_, owner)| *owner != Some(0));
        return is_of_another.then(|| shown!("Run snow as the user that {} belongs to", path.display()).into());
    }
    let of_root = owners.iter().take_while(|(_, owner)| *owner == Some(0)).count();
    let is_below_mine = owners.get(of_root).is_some_and(|(_, owner)| *owner == Some(me));
    let (top, _) = owners.get(of_root.checked_sub(1)?).filter(|_| is_below_mine)?;
    Some(Step::say("It was created by root. Take it back: ").and_run(shown!("sudo chown -R {} {}", me, top.display())))
}

#[cfg(not(unix))]
pub fn way_back(_: &Path) -> Option<Step> {
    None
}

/// Whether other users of the machine may read or change a file.
#[cfg(unix)]
pub fn is_public(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.is_file() && metadata.mode() & 0o077 != 0
}

#[cfg(not(unix))]
pub fn is_public(_: &fs::Metadata) -> bool {
    false
}
