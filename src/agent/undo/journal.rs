//! The undo journal as a file: pre-allocated, so that a full disk cannot stop it, and synced before each deed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, posix_fallocate};
use nix::unistd::linkat;

use super::record::{Entry, MARK, Tail, decode, encode};
use crate::agent::clock::wait_until;

/// What is allocated at a time.
const CHUNK: u64 = 64 << 10;
/// What stays free behind an intent, so that its own marks always fit.
const RESERVE: u64 = 8 << 10;
/// The longest undo journal.
const FILE_MAX: u64 = 32 << 20;

/// One drill's undo journal. Worker and guardian both append; each waits for the other's lock and reads on first.
#[derive(Debug)]
pub(in crate::agent) struct UndoJournal {
    path: PathBuf,
    file: File,
    end: u64,
    allocated: u64,
    /// How far whole records have been seen: a later reading that ends before has lost some.
    seen: u64,
}

/// What an undo journal holds.
#[derive(Debug)]
pub(in crate::agent) struct Contents {
    /// Its records.
    pub entries: Vec<Entry>,
    /// How it ends.
    pub tail: Tail,
}

impl UndoJournal {
    /// A new one; an error when there is one already.
    pub fn create(path: &Path, opened: &Entry) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        // It gets its name once it is whole: before, another drill that heals would take it for what a dead life left.
        let nameless = options.clone().custom_flags(OFlag::O_TMPFILE.bits()).open(folder).ok();
        let is_nameless = nameless.is_some();
        let file = match nameless {
            Some(file) => file,
            // A file system that cannot do that; there the worst that the mistake costs is a refused start.
            None => options.create_new(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)?,
        };
        let mut journal = Self { path: path.into(), file, end: MARK.len() as u64, allocated: 0, seen: 0 };
        journal.allocate(CHUNK)?;
        journal.file.write_all_at(MARK, 0)?;
        journal.append(opened, Duration::from_secs(1))?;
        if is_nameless {
            let this = format!("/proc/self/fd/{}", journal.file.as_raw_fd());
            linkat(AT_FDCWD, this.as_str(), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)?;
        }
        // The name must last too, or a crash of the host leaves a deed without its way back.
        File::open(folder)?.sync_all()?;
        Ok(journal)
    }

    /// An existing one and what it holds. Refuses a file of another user, since it says whom to signal.
    pub fn open(path: &Path) -> io::Result<(Self, Contents)> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits() | OFlag::O_NONBLOCK.bits())
            .open(path)?;
        let metadata = file.metadata()?;
        let own = nix::unistd::geteuid().as_raw();
        if !metadata.is_file() || (metadata.uid() != own && metadata.uid() != 0) {
            return Err(io::Error::other(format!(
                "is not a file of user {own} but of {}; it is not acted on",
                metadata.uid()
            )));
        }
        let mut journal = Self { path: path.into(), file, end: 0, allocated: metadata.len(), seen: 0 };
        let mut mark = [0; MARK.len()];
        let marked = match journal.file.read_exact_at(&mut mark, 0) {
            Ok(()) => &mark == MARK,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            // Nobody knows what stands in it, and so nobody may take it for empty.
            Err(error) => return Err(error),
        };
        if !marked {
            // Its writer died before it was one.
            return Ok((journal, Contents { entries: Vec::new(), tail: Tail::Torn }));
        }
        journal.end = MARK.len() as u64;
        let contents = journal.read_on()?;
        Ok((journal, contents))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it; an error when it cannot be read, or holds less than it did.
    pub fn read(&mut self) -> io::Result<Contents> {
        self.end = MARK.len() as u64;
        self.read_on()
    }

    /// Appends a record and waits until the disk has it. Waits at most `patience` for the other writer.
    pub fn append(&mut self, entry: &Entry, patience: Duration) -> io::Result<()> {
        self.lock(patience)?;
        let result = self.append_locked(entry);
        let unlocked = self.file.unlock();
        result.and(unlocked)
    }

    /// Removes the file; one that is gone already is well removed.
    pub fn delete(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn append_locked(&mut self, entry: &Entry) -> io::Result<()> {
        self.read_on()?;
        let mut record = encode(entry)?;
        // Zeros behind it, so that what a torn record left there is not read as its successor.
        record.extend([0; 8]);
        let reserve = if matches!(entry, Entry::Intent { .. }) { RESERVE } else { 0 };
        self.allocate(self.end + record.len() as u64 + reserve)?;
        self.file.write_all_at(&record, self.end)?;
        self.file.sync_data()?;
        self.end += record.len() as u64 - 8;
        self.seen = self.end;
        Ok(())
    }

    fn lock(&self, patience: Duration) -> io::Result<()> {
        let mut outcome = Ok(());
        let locked = wait_until(patience, || match self.file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => {
                outcome = Err(error);
                true
            }
        });
        outcome?;
        if locked { Ok(()) } else { Err(io::Error::other("the other writer holds its lock")) }
    }

    /// What was written since the last look.
    fn read_on(&mut self) -> io::Result<Contents> {
        self.allocated = self.file.metadata()?.len().min(FILE_MAX);
        let mut bytes = vec![0; usize::try_from(self.allocated.saturating_sub(self.end)).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, self.end)?;
        let (entries, read, tail) = decode(&bytes);
        self.end += read as u64;
        if self.end < self.seen {
            return Err(io::Error::other(format!(
                "has lost records: they reached to byte {} and now end at {}",
                self.seen, self.end
            )));
        }
        self.seen = self.end;
        Ok(Contents { entries, tail })
    }

    fn allocate(&mut self, needed: u64) -> io::Result<()> {
        if needed > FILE_MAX {
            return Err(io::Error::other(format!("would grow beyond its limit of {FILE_MAX} bytes")));
        }
        if needed <= self.allocated {
            return Ok(());
        }
        let size = needed.next_multiple_of(CHUNK);
        posix_fallocate(&self.file, 0, i64::try_from(size).unwrap_or(i64::MAX))?;
        self.file.sync_all()?;
        self.allocated = size;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::identity::Identity;
    use crate::agent::undo::Undoer;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn opened() -> Entry {
        Entry::Opened {
            version: 1,
            owner: "d1".into(),
            boot_id: "b".into(),
            pid_namespace: "n".into(),
            worker: Identity { start: 1, pid: 2 },
        }
    }

    fn applied(fault: &str) -> Entry {
        Entry::Applied { fault: fault.into() }
    }

    #[test]
    fn two_writers_take_turns_and_both_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d1.undo");
        let mut worker = UndoJournal::create(&path, &opened()).unwrap();
        let (mut guardian, _) = UndoJournal::open(&path).unwrap();
        worker.append(&applied("a"), PATIENCE).unwrap();
        guardian.append(&applied("b"), PATIENCE).unwrap();
        worker.append(&applied("c"), PATIENCE).unwrap();
        let entries = UndoJournal::open(&path).unwrap().1.entries;
        assert_eq!(entries, [opened(), applied("a"), applied("b"), applied("c")]);
    }

    #[test]
    fn a_writer_that_stands_still_with_the_lock_is_not_waited_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d1.undo");
        let worker = UndoJournal::create(&path, &opened()).unwrap();
        worker.lock(PATIENCE).unwrap();
        let (mut guardian, _) = UndoJournal::open(&path).unwrap();
        let refusal = guardian.append(&applied("b"), Duration::from_millis(20)).unwrap_err();
        assert!(refusal.to_string().contains("holds its lock"), "{refusal}");
    }

    #[test]
    fn what_a_torn_record_left_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d1.undo");
        let journal = UndoJournal::create(&path, &opened()).unwrap();
        let torn = encode(&applied("a name that is long enough to reach beyond the next record")).unwrap();
        journal.file.write_all_at(&torn[..torn.len() - 1], journal.end).unwrap();
        let (mut next, contents) = UndoJournal::open(&path).unwrap();
        assert_eq!((contents.entries.len(), contents.tail), (1, Tail::Torn));
        next.append(&Entry::Undone { fault: "x".into(), by: Undoer::Heal, residue: 0 }, PATIENCE).unwrap();
        let contents = UndoJournal::open(&path).unwrap().1;
        assert_eq!((contents.entries.len(), contents.tail), (2, Tail::Clean));
    }

    #[test]
    fn what_was_cut_short_or_wiped_out_is_not_read_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d1.undo");
        let mut journal = UndoJournal::create(&path, &opened()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let half = journal.end / 2;
        for wiped in [vec![], whole[..half as usize].to_vec(), vec![0; whole.len()]] {
            std::fs::write(&path, &wiped).unwrap();
            let refusal = journal.read().unwrap_err().to_string();
            assert!(refusal.contains("has lost records"), "{refusal}");
            journal.append(&applied("a"), PATIENCE).unwrap_err();
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(journal.read().unwrap().entries, [opened()]);
    }

    #[test]
    fn its_room_is_taken_beforehand_and_grows_for_a_long_way_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d1.undo");
        let mut journal = UndoJournal::create(&path, &opened()).unwrap();
        let blocks = |path: &Path| std::fs::metadata(path).unwrap().blocks() * 512;
        assert!(blocks(&path) >= CHUNK, "allocated, not sparse");
        let left_alone = (0..5_000).map(|pid| Identity { start: 9, pid }).collect();
        let intent = Entry::Intent { fault: "f".into(), kind: "k".into(), undo: vec![], left_alone };
        journal.append(&intent, PATIENCE).unwrap();
        assert!(blocks(&path) >= journal.end + RESERVE);
        assert_eq!(UndoJournal::open(&path).unwrap().1.entries, [opened(), intent]);
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("d1.undo"), folder.path().join("d2.undo"));
        UndoJournal::create(&path, &opened()).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        UndoJournal::open(&link).unwrap_err();
    }
}
