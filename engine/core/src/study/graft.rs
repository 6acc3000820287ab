//! A beginning for a file that lost its own.
//!
//! The first pages say where each table stands. Every study that a version of this program made has them alike, and so has
//! every copy of one: those of an empty study stand in for them.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::file::Study;
use super::open::{fault, sqlite};
use crate::Result;

/// SQLite's page size where nobody says otherwise; nobody does.
const PAGE: usize = 4096;

/// Bytes before the first page's own.
const HEADER: usize = 100;

/// Empty studies as bytes: as they are made, and as they are copied.
pub(super) fn beginnings(folder: &Path) -> Result<[Vec<u8>; 2]> {
    let (made, copied) = (folder.join("made"), folder.join("copied"));
    let study = Study::open(&made)?;
    study.copy_to(&copied)?;
    study
        .connection
        .execute_batch("PRAGMA journal_mode = DELETE")
        .map_err(sqlite(&made))?;
    drop(study);
    let read = |path: &Path| std::fs::read(path).map_err(|e| fault(path, e.to_string()));
    Ok([read(&made)?, read(&copied)?])
}

/// Puts the pages that say where everything stands, and nothing else, over those of the file.
pub(super) fn graft(file: &Path, beginning: &[u8]) -> std::io::Result<()> {
    let mut to = OpenOptions::new().read(true).write(true).open(file)?;
    let pages = to.metadata()?.len() / PAGE as u64;
    for number in schema_pages(beginning) {
        let start = number.saturating_sub(1) * PAGE;
        let Some(page) = beginning.get(start..start + PAGE) else {
            continue;
        };
        let mut page = page.to_vec();
        if number == 1 {
            // The file's size in pages, and no free ones: https://www.sqlite.org/fileformat.html, 1.3.
            let pages = u32::try_from(pages).unwrap_or(u32::MAX);
            page[28..32].copy_from_slice(&pages.to_be_bytes());
            page[32..40].fill(0);
        }
        if (number as u64) <= pages {
            write_at(&mut to, start as u64, &page)?;
        }
    }
    Ok(())
}

fn write_at(to: &mut File, start: u64, page: &[u8]) -> std::io::Result<()> {
    to.seek(SeekFrom::Start(start))?;
    to.write_all(page)
}

/// The pages of the table of tables, the first page with them: section 1.6 of the format.
fn schema_pages(bytes: &[u8]) -> Vec<usize> {
    let mut pages = vec![1];
    let mut at = 0;
    while let Some(&number) = pages.get(at) {
        at += 1;
        let start = (number - 1) * PAGE;
        let Some(page) = bytes.get(start..start + PAGE) else {
            continue;
        };
        let head = if number == 1 { HEADER } else { 0 };
        if page[head] != 5 || pages.len() > bytes.len() / PAGE {
            continue; // a leaf
        }
        let word = |at: usize| {
            page.get(at..at + 4)
                .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
        };
        let cells = usize::from(u16::from_be_bytes([page[head + 3], page[head + 4]]));
        let children = (0..cells).filter_map(|cell| {
            let place = head + 12 + 2 * cell;
            let cell = page.get(place..place + 2)?;
            word(usize::from(u16::from_be_bytes([cell[0], cell[1]])))
        });
        let children = children.chain(word(head + 8));
        pages.extend(children.filter(|page| *page > 1).map(|page| page as usize));
    }
    pages
}
