//! One file → `blobs/ETAG`: through `ETAG.incomplete`, from where it was cut, checked before it has its name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use paretoscope_engine::digest::hexadecimal;
use paretoscope_engine::{Error, Result};
use sha2::{Digest as _, Sha256};
use ureq::Body;
use ureq::http::Response;

use crate::client::{Ask, Client, Failure, header};
use crate::listing::About;

/// Bytes that are handed on at a time.
const PIECE: usize = 1 << 18;
/// Pieces that may wait for the disk.
const PIECES: usize = 8;
/// How often a person who wants to stop is asked while nothing comes.
const LISTEN: Duration = Duration::from_millis(200);

/// A file that is fetched.
pub(crate) struct Wanted<'a> {
    /// Where it is asked for.
    pub(crate) path: &'a str,
    /// What it is called, in words.
    pub(crate) name: &'a str,
    pub(crate) about: &'a About,
    /// The folder of blobs, which is there.
    pub(crate) blobs: &'a Path,
}

/// Hears how many bytes of the file are here; its error stops the fetch.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(u64) -> Result<()>;

impl Client {
    /// Brings a file as far as this connection goes. What came stays where it is cut.
    pub(crate) fn bring(&self, wanted: &Wanted<'_>, tell: Tell<'_>) -> Result<(), Failure> {
        let never = Failure::Never;
        let blob = wanted.blobs.join(&wanted.about.etag);
        if blob.is_file() {
            return tell(wanted.about.size).map_err(never);
        }
        let part = wanted
            .blobs
            .join(format!("{}.incomplete", wanted.about.etag));
        let mut partial = Partial::open(&part, wanted).map_err(never)?;
        // Another program may have brought it while this one waited for its turn.
        if blob.is_file() {
            return tell(wanted.about.size).map_err(never);
        }
        let size = wanted.about.size;
        if partial.bytes < size || size == 0 {
            let reply = self.ask(Ask::Get(partial.bytes), wanted.path, wanted.name)?;
            if !goes_on(&reply, partial.bytes) {
                partial.restart(&part).map_err(never)?;
            }
            partial.take(reply, wanted, tell)?;
        }
        partial.finish(wanted, &part, &blob).map_err(never)
    }
}

/// Whether a reply goes on from this byte; any other begins anew, or says nothing of the file.
fn goes_on(reply: &Response<Body>, from: u64) -> bool {
    let range = header(reply, "content-range").and_then(|range| range.strip_prefix("bytes "));
    let start = range.and_then(|range| range.split('-').next()?.trim().parse().ok());
    reply.status().as_u16() == 206 && start == Some(from)
}

/// What is here of a file, with the hash so far.
struct Partial {
    file: File,
    bytes: u64,
    hash: Sha256,
}

impl Partial {
    /// Opens it, holds it against other programs, and reads what is there once more for the hash.
    fn open(path: &Path, wanted: &Wanted<'_>) -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::io("open", path))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let problem = "is being fetched by another program; wait for it, or stop it";
                return Err(Error::file(path, problem));
            }
            // Where files cannot be locked, two fetches at once are told apart by the hash.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut piece = vec![0; PIECE];
        loop {
            let count = file.read(&mut piece).map_err(Error::io("read", path))?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
            if bytes > wanted.about.size {
                break;
            }
            hash.update(&piece[..count]);
        }
        let mut partial = Self { file, bytes, hash };
        if bytes > wanted.about.size {
            partial.restart(path)?;
        }
        Ok(partial)
    }

    /// From the first byte again.
    fn restart(&mut self, path: &Path) -> Result<()> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(Error::io("write", path))?;
        (self.bytes, self.hash) = (0, Sha256::new());
        Ok(())
    }

    /// Writes what a reply brings. It is read on a thread of its own, so that who wants to stop need not wait for a silent
    /// network.
    fn take(
        &mut self,
        reply: Response<Body>,
        wanted: &Wanted<'_>,
        tell: Tell<'_>,
    ) -> Result<(), Failure> {
        let status = reply.status().as_u16();
        if !matches!(status, 200 | 206) {
            return Err(Failure::Again(format!("status {status}")));
        }
        let io = |error| Failure::Never(Error::io("write", wanted.blobs)(error));
        self.file.seek(SeekFrom::Start(self.bytes)).map_err(io)?;
        let (pieces, came) = sync_channel(PIECES);
        std::thread::Builder::new()
            .name("fetch".to_owned())
            .spawn(move || read_all(reply, &pieces))
            .map_err(|source| {
                let name = "fetch";
                Failure::Never(Error::Thread { name, source })
            })?;
        self.write_all(&came, wanted, tell)
    }

    fn write_all(
        &mut self,
        came: &Receiver<std::io::Result<Vec<u8>>>,
        wanted: &Wanted<'_>,
        tell: Tell<'_>,
    ) -> Result<(), Failure> {
        let size = wanted.about.size;
        loop {
            match came.recv_timeout(LISTEN) {
                Ok(Ok(piece)) => {
                    if self.bytes + piece.len() as u64 > size {
                        let words = format!("{}: more came than its {size} bytes", wanted.name);
                        self.restart(wanted.blobs).map_err(Failure::Never)?;
                        return Err(Failure::Never(Error::Endpoint(words)));
                    }
                    let written = self.file.write_all(&piece);
                    written
                        .map_err(|error| Failure::Never(Error::io("write", wanted.blobs)(error)))?;
                    self.hash.update(&piece);
                    self.bytes += piece.len() as u64;
                }
                Ok(Err(error)) => return Err(Failure::Again(error.to_string())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            tell(self.bytes).map_err(Failure::Never)?;
        }
        if self.bytes < size {
            let words = format!("the connection ended after {} of {size} bytes", self.bytes);
            return Err(Failure::Again(words));
        }
        Ok(())
    }

    /// Checks what came against the hash that was promised, where one was, and gives it its name.
    fn finish(mut self, wanted: &Wanted<'_>, part: &Path, blob: &Path) -> Result<()> {
        let etag = &wanted.about.etag;
        let is_hash = etag.len() == 64 && etag.bytes().all(|b| b.is_ascii_hexdigit());
        let got = hexadecimal(&self.hash.clone().finalize());
        if is_hash && !got.eq_ignore_ascii_case(etag) {
            // What is wrong is not gone on from.
            self.restart(part)?;
            let words = format!(
                "{}: what came is not what was promised (SHA-256 {got}, not {etag}); nothing of it is kept, and the same \
                 command fetches it anew",
                wanted.name
            );
            return Err(Error::Endpoint(words));
        }
        self.file.sync_all().map_err(Error::io("write", part))?;
        std::fs::rename(part, blob).map_err(Error::io("rename", part))
    }
}

/// Hands on what a reply brings until its end, or until nobody wants it.
fn read_all(reply: Response<Body>, pieces: &SyncSender<std::io::Result<Vec<u8>>>) {
    let mut reader = reply.into_body().into_reader();
    loop {
        let mut piece = vec![0; PIECE];
        let read = reader.read(&mut piece);
        let ended = !matches!(read, Ok(1..));
        let handed = match read {
            Ok(0) => return,
            Ok(count) => {
                piece.truncate(count);
                pieces.send(Ok(piece))
            }
            Err(error) => pieces.send(Err(error)),
        };
        if ended || handed.is_err() {
            return;
        }
    }
}
