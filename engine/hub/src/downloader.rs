//! A name → every file that a model is loaded from, in the cache.

use std::path::Path;
use std::time::{Duration, Instant};

use paretoscope_engine::hub::{Cache, Fetch, Fetched, HubId, is_commit, is_offline, needed};
use paretoscope_engine::{Error, Result};

use crate::blob::Wanted;
use crate::client::{Client, Failure};
use crate::endpoint::{Endpoint, Token};
use crate::listing::{About, place};

/// How often a request that may succeed is made before it is given up, where nothing comes of it.
const TRIES: u32 = 5;
/// As often the first one: a name may be a path that was misspelt, and nobody wants to wait long for that.
const FIRST_TRIES: u32 = 2;
/// The first pause before another try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a person who wants to stop is asked during a pause.
const LISTEN: Duration = Duration::from_millis(100);

/// Hears how far a fetch is; its error stops it.
type Progress<'a> = &'a mut dyn FnMut(Fetched) -> Result<()>;

/// Brings models over HTTP.
#[derive(Debug, Clone)]
pub struct Downloader {
    /// `None` asks the environment when something is fetched.
    endpoint: Option<Endpoint>,
    token: Option<Token>,
    pause: Duration,
}

impl Downloader {
    /// From the hub that the environment names, with its token; looked up when something is fetched.
    pub fn of_env() -> Self {
        Self {
            endpoint: None,
            token: None,
            pause: PAUSE,
        }
    }

    /// From this hub, with this token.
    pub fn new(endpoint: Endpoint, token: Option<Token>) -> Self {
        Self {
            endpoint: Some(endpoint),
            token,
            pause: PAUSE,
        }
    }

    /// With another first pause before a request is made again.
    #[cfg(test)]
    pub(crate) fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    fn client(&self) -> Result<Client> {
        match &self.endpoint {
            Some(endpoint) => Ok(Client::new(endpoint.clone(), self.token.clone())),
            None if is_offline() => {
                let problem = "is set, so this program asks no network; unset it to fetch a model";
                Err(Error::option("HF_HUB_OFFLINE", problem))
            }
            None => Ok(Client::new(Endpoint::of_env()?, Token::of_env()?)),
        }
    }

    /// Does something until it succeeds, fails for good, or failed too often without anything coming of it.
    fn patiently<T>(
        &self,
        (of, most_tries): (&str, u32),
        progress: Progress<'_>,
        mut attempt: impl FnMut(Progress<'_>) -> Result<T, Failure>,
    ) -> Result<T> {
        let (mut tries, mut most) = (0, 0);
        loop {
            let mut now = most;
            let said = attempt(&mut |fetched| {
                now = now.max(fetched.bytes);
                progress(fetched)
            });
            let why = match said {
                Ok(done) => return Ok(done),
                Err(Failure::Never(error)) => return Err(error),
                Err(Failure::Again(why)) => why,
            };
            tries = if now > most { 1 } else { tries + 1 };
            most = now;
            if tries >= most_tries {
                let rest = if most > 0 {
                    "what came is kept, and the same command goes on from there"
                } else {
                    "nothing more was fetched"
                };
                let words = format!("{of}: {why}, {tries} times; {rest}");
                return Err(Error::Endpoint(words));
            }
            let (begun, pause) = (Instant::now(), self.pause * 2_u32.pow(tries - 1));
            while begun.elapsed() < pause {
                std::thread::sleep(LISTEN.min(pause));
                progress(Fetched { bytes: most, of: 0 })?;
            }
        }
    }
}

impl Fetch for Downloader {
    fn fetch(&self, id: &HubId, cache: &Cache, progress: Progress<'_>) -> Result<()> {
        let client = self.client()?;
        let name = format!("{id}, taken as a hub id");
        progress(Fetched { bytes: 0, of: 0 })?;
        let listing = self.patiently((name.as_str(), FIRST_TRIES), progress, |_| {
            client.listing(id)
        })?;
        let files = needed(id, &listing.files)?;
        let snapshot = cache.snapshot(id, &listing.commit);
        let blobs = cache.repo(id).join("blobs");
        for folder in [&snapshot, &blobs] {
            std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        }
        let mut abouts: Vec<(String, About)> = Vec::with_capacity(files.len());
        for file in files {
            progress(Fetched { bytes: 0, of: 0 })?;
            let ask = |_: Progress<'_>| client.about(id, &listing.commit, &file);
            let about = self.patiently((name.as_str(), TRIES), progress, ask)?;
            abouts.push((file, about));
        }
        let of = abouts.iter().map(|(_, about)| about.size).sum();
        let mut before = 0;
        for (file, about) in &abouts {
            let link = snapshot.join(file);
            // A file of a commit does not change.
            if !link.is_file() {
                let wanted = Wanted {
                    path: &place(id, &listing.commit, file),
                    name: &format!("{}/{file}", id.repo()),
                    about,
                    blobs: &blobs,
                };
                let mut whole = |part: Fetched| {
                    let bytes = (before + part.bytes).min(of);
                    progress(Fetched { bytes, of })
                };
                self.patiently((wanted.name, TRIES), &mut whole, |tell| {
                    client.bring(&wanted, &mut |bytes| tell(Fetched { bytes, of }))
                })?;
                put_link(&blobs.join(&about.etag), &link, file)?;
            }
            before += about.size;
            progress(Fetched { bytes: before, of })?;
        }
        // Last: until all is here, a revision stays what it was.
        if !is_commit(id.revision()) {
            write_reference(&cache.reference(id), &listing.commit)?;
        }
        Ok(())
    }
}

/// Makes a file of a snapshot: a link to its blob, relative, so that the cache can be moved.
fn put_link(blob: &Path, link: &Path, file: &str) -> Result<()> {
    if let Some(folder) = link.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    // A link whose blob was gone.
    match std::fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("replace", link)(error));
        }
        _ => {}
    }
    let up = "../".repeat(2 + file.matches('/').count());
    let etag = blob.file_name().unwrap_or_default();
    let target = Path::new(&up).join("blobs").join(etag);
    linked(&target, blob, link).map_err(Error::io("link", link))
}

#[cfg(unix)]
fn linked(target: &Path, _blob: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Where links need rights of their own, the file itself, as Hugging Face's programs do.
#[cfg(not(unix))]
fn linked(_target: &Path, blob: &Path, link: &Path) -> std::io::Result<()> {
    std::fs::rename(blob, link)
}

/// Says which commit a revision is.
fn write_reference(path: &Path, commit: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    paretoscope_engine::output::write_bytes(path, commit.as_bytes())
}
