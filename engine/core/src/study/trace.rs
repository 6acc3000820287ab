//! Routing and pace of an answer, packed.
//!
//! Gates that are shares take one byte each: of 255, by largest remainder, the last expert left out since all sum to 255.
//! Others take 16 bits, or 32 where that would be further off than [`LARGEST_ERROR`]. Gates that are the same at every
//! token are kept once, as they are. All is deflated. Traces are a cache: routing can be found again from an answer's ids.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use half::f16;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::encode;
use super::file::{Study, to_json};
use super::open::{fault, sqlite};
use super::read::Stored;
use crate::types::{BundleInfo, GateRecord, Run};
use crate::{Error, Result};

/// How far a gate may be off after packing.
pub const LARGEST_ERROR: f32 = 0.003;

/// How far from 1 the sum of shares may be.
const SUM: f32 = 1e-3;

/// How values are packed, as `trace.encoding` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// 32 bits, for one token that stands for all.
    Static = 1,
    /// Parts of 255 each, without the last.
    Shares = 2,
    /// 16 bits.
    Halves = 3,
    /// 32 bits.
    Singles = 4,
}

impl Encoding {
    const ALL: [Self; 4] = [Self::Static, Self::Shares, Self::Halves, Self::Singles];
}

/// Sizes, with names where the answer's bundle does not tell them.
#[derive(Debug, Serialize, Deserialize)]
struct Shape {
    tokens: usize,
    sites: Names,
    adapters: Names,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Names {
    OfBundle(usize),
    Are(Arc<Vec<String>>),
}

impl Names {
    fn new(names: &Arc<Vec<String>>, bundle: Option<&Vec<String>>) -> Self {
        if bundle == Some(&**names) {
            Self::OfBundle(names.len())
        } else {
            Self::Are(names.clone())
        }
    }

    fn get(self, bundle: Option<&Vec<String>>) -> Option<Arc<Vec<String>>> {
        match self {
            Self::Are(names) => Some(names),
            Self::OfBundle(count) => bundle
                .filter(|names| names.len() == count)
                .map(|names| Arc::new(names.clone())),
        }
    }
}

impl Study {
    /// Keeps the routing of an answer; what was kept before is replaced.
    pub fn put_trace(&self, answer: i64, record: &GateRecord) -> Result<()> {
        if !is_whole(record) {
            let problem = format!(
                "holds {} values, which is no multiple of {} sites times {} adapters",
                record.values.len(),
                record.sites.len(),
                record.adapters.len()
            );
            return Err(Error::option("record", problem));
        }
        self.write(|transaction, _origin| self.write_trace(transaction, answer, record))
    }

    fn write_trace(
        &self,
        transaction: &Connection,
        answer: i64,
        record: &GateRecord,
    ) -> Result<()> {
        let bundle = self.bundle_behind(answer)?;
        let shape = Shape {
            tokens: record.tokens(),
            sites: Names::new(&record.sites, bundle.as_ref().map(|b| &b.sites)),
            adapters: Names::new(&record.adapters, bundle.as_ref().map(|b| &b.adapters)),
        };
        let shape = to_json("record", &shape)?;
        let (encoding, bytes) = pack(record);
        let data = deflate(&bytes).map_err(|e| fault(self.path(), e.to_string()))?;
        let sql = "INSERT INTO trace (generation, encoding, shape, crc, data) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (generation) DO UPDATE SET encoding = excluded.encoding, shape = excluded.shape,
                   crc = excluded.crc, data = excluded.data";
        transaction
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(params![answer, encoding as i64, shape, crc(&bytes), data]))
            .map_err(sqlite(self.path()))?;
        Ok(())
    }

    /// Keeps, with an answer that a person asked for, its routing and when its tokens came, where these are known. What is
    /// kept of an answer that stands already stays.
    pub(super) fn write_played(
        &self,
        transaction: &Connection,
        answer: i64,
        run: &Run,
    ) -> Result<()> {
        let kept = |table| {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE generation = ?1)");
            self.one::<bool>(&sql, [answer])
        };
        // Routing is a cache: an answer is not lost for a record that does not fit.
        let record = run
            .record
            .as_ref()
            .filter(|r| is_whole(r) && r.tokens() > 0);
        if let Some(record) = record
            && !kept("trace")?
        {
            self.write_trace(transaction, answer, record)?;
        }
        if !run.pace.is_empty() && !kept("playback")? {
            self.write_playback(transaction, answer, &run.pace)?;
        }
        Ok(())
    }

    /// The routing of an answer, where it is kept; gates are off by at most [`LARGEST_ERROR`].
    pub fn trace(&self, answer: i64) -> Result<Option<GateRecord>> {
        let sql = "SELECT encoding, shape, crc, data FROM trace WHERE generation = ?1";
        let found: Option<(i64, String, i64, Vec<u8>)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let row = |row: &rusqlite::Row<'_>| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                };
                statement.query_row([answer], row).optional()
            })
            .map_err(sqlite(self.path()))?;
        let Some((encoding, shape, sum, data)) = found else {
            return Ok(None);
        };
        let shape: Shape = self.json(&shape, "trace.shape")?;
        let bundle = self.bundle_behind(answer)?;
        let read = || {
            let encoding = Encoding::ALL.into_iter().find(|e| *e as i64 == encoding)?;
            let sites = shape.sites.get(bundle.as_ref().map(|b| &b.sites))?;
            let adapters = shape.adapters.get(bundle.as_ref().map(|b| &b.adapters))?;
            let sizes = [shape.tokens, sites.len(), adapters.len()];
            let bytes = inflate(&data, expected(encoding, sizes)?)?;
            (crc(&bytes) == sum).then_some(())?;
            let values = unpack(encoding, sizes, &bytes)?;
            Some(GateRecord {
                sites,
                adapters,
                values,
            })
        };
        read().map(Some).ok_or_else(|| self.misread("trace.data"))
    }

    /// Keeps when the tokens of an answer came: milliseconds from the one before, the first from the command.
    pub fn put_playback(&self, answer: i64, milliseconds: &[u32]) -> Result<()> {
        self.bundle_behind(answer)?;
        self.write(|transaction, _origin| self.write_playback(transaction, answer, milliseconds))
    }

    fn write_playback(
        &self,
        transaction: &Connection,
        answer: i64,
        milliseconds: &[u32],
    ) -> Result<()> {
        let deltas = encode::wholes(milliseconds.iter().map(|&ms| u64::from(ms)));
        let sql = "INSERT INTO playback (generation, deltas) VALUES (?1, ?2)
                   ON CONFLICT (generation) DO UPDATE SET deltas = excluded.deltas";
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![answer, deltas]))
            .map_err(sqlite(self.path()))?;
        Ok(())
    }

    /// A stored answer as the run that it was (see [`Stored::run`]), with the routing and the pace that are kept of it. A
    /// cache that cannot be read is left out.
    pub fn played(&self, stored: &Stored) -> Option<Run> {
        let mut run = stored.run()?;
        run.record = self.trace(stored.id).ok().flatten().map(Arc::new);
        run.pace = self.playback(stored.id).ok().flatten().unwrap_or_default();
        Some(run)
    }

    /// Milliseconds between the tokens of an answer, where they are kept.
    pub fn playback(&self, answer: i64) -> Result<Option<Vec<u32>>> {
        let mut found = None;
        self.each(
            "SELECT deltas FROM playback WHERE generation = ?1",
            [answer],
            |row| {
                let values = encode::from_wholes(&self.get::<Vec<u8>>(row, 0)?)
                    .and_then(|all| all.into_iter().map(|ms| u32::try_from(ms).ok()).collect());
                let values: Vec<u32> = values.ok_or_else(|| self.misread("playback.deltas"))?;
                found = Some(values);
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// What is known of an answer's bundle; fails where there is no such answer.
    fn bundle_behind(&self, answer: i64) -> Result<Option<BundleInfo>> {
        let sql =
            "SELECT b.json FROM generation g LEFT JOIN bundle b ON b.id = g.bundle WHERE g.id = ?1";
        let mut found = None;
        self.each(sql, [answer], |row| {
            found = Some(self.get::<Option<String>>(row, 0)?);
            Ok(())
        })?;
        let json = found.ok_or_else(|| {
            Error::option(
                "answer",
                format!("there is no answer {answer} in {}", self.path().display()),
            )
        })?;
        json.map(|json| self.json(&json, "bundle.json")).transpose()
    }
}

/// Whether it holds as many values as its sizes say.
fn is_whole(record: &GateRecord) -> bool {
    let stride = record.sites.len() * record.adapters.len();
    record.tokens() * stride == record.values.len()
}

fn crc(bytes: &[u8]) -> i64 {
    let mut crc = Crc::new();
    crc.update(bytes);
    i64::from(crc.sum())
}

fn deflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The way back, into exactly so many bytes; a file that says otherwise takes no more memory than these.
fn inflate(data: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = (length as u64).checked_add(1)?;
    DeflateDecoder::new(data)
        .take(most)
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() == length).then_some(bytes)
}

/// Bytes before deflating, of `[tokens, sites, adapters]`; `None` where they are too many to count.
fn expected(encoding: Encoding, [tokens, sites, adapters]: [usize; 3]) -> Option<usize> {
    let (tokens, adapters, each) = match encoding {
        Encoding::Static => (tokens.min(1), adapters, 4),
        Encoding::Shares => (tokens, adapters.saturating_sub(1), 1),
        Encoding::Halves => (tokens, adapters, 2),
        Encoding::Singles => (tokens, adapters, 4),
    };
    tokens
        .checked_mul(sites)?
        .checked_mul(adapters)?
        .checked_mul(each)
}

fn pack(record: &GateRecord) -> (Encoding, Vec<u8>) {
    let values = &record.values;
    let width = record.adapters.len();
    let stride = record.sites.len() * width;
    let mut tokens = values.chunks_exact(stride.max(1));
    let same = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    if let Some(first) = tokens.next()
        && tokens.all(|token| same(first, token))
    {
        return (Encoding::Static, encode::singles(first));
    }
    shares(values, width)
        .map(|bytes| (Encoding::Shares, bytes))
        .or_else(|| halves(values).map(|bytes| (Encoding::Halves, bytes)))
        .unwrap_or_else(|| (Encoding::Singles, encode::singles(values)))
}

fn unpack(
    encoding: Encoding,
    [tokens, sites, adapters]: [usize; 3],
    bytes: &[u8],
) -> Option<Vec<f32>> {
    match encoding {
        Encoding::Static => {
            tokens
                .checked_mul(bytes.len())
                .filter(|all| *all < 1 << 32)?;
            encode::from_singles(bytes).map(|one| one.repeat(tokens))
        }
        Encoding::Singles => encode::from_singles(bytes),
        Encoding::Halves => {
            let (words, _none) = bytes.as_chunks::<2>();
            Some(
                words
                    .iter()
                    .map(|w| f16::from_le_bytes(*w).to_f32())
                    .collect(),
            )
        }
        Encoding::Shares if adapters == 1 => {
            let count = tokens.checked_mul(sites).filter(|all| *all < 1 << 30)?;
            Some(vec![1.0; count])
        }
        Encoding::Shares => {
            let rows = bytes.chunks_exact(adapters.checked_sub(1)?.max(1));
            rows.map(from_parts)
                .collect::<Option<Vec<_>>>()
                .map(|rows| rows.concat())
        }
    }
}

/// Shares of each module as parts of 255, without the last; `None` where they are none, or one would be too far off.
fn shares(values: &[f32], width: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width.max(1)) {
        let sum: f32 = row.iter().sum();
        let share = |value: &f32| value.is_finite() && *value >= 0.0;
        if !row.iter().all(share) || (sum - 1.0).abs() > SUM {
            return None;
        }
        let whole = to_parts(row);
        let (_last, kept) = whole.split_last()?;
        bytes.extend(kept);
        let far =
            |(value, whole): (&f32, &u8)| (value - f32::from(*whole) / 255.0).abs() > LARGEST_ERROR;
        if row.iter().zip(&whole).any(far) {
            return None;
        }
    }
    Some(bytes)
}

/// Shares that sum to about 1 as whole numbers that sum to 255, by largest remainder (Hamilton's method).
fn to_parts(row: &[f32]) -> Vec<u8> {
    let sum: f64 = row.iter().map(|v| f64::from(*v)).sum();
    let exact: Vec<f64> = row.iter().map(|v| f64::from(*v) / sum * 255.0).collect();
    let mut whole: Vec<u8> = exact.iter().map(|v| v.floor() as u8).collect();
    let given: usize = whole.iter().map(|v| usize::from(*v)).sum();
    let mut order: Vec<usize> = (0..row.len()).collect();
    let rest = |at: usize| exact[at] - exact[at].floor();
    order.sort_by(|&a, &b| rest(b).total_cmp(&rest(a)).then(a.cmp(&b)));
    for &at in order.iter().take(255_usize.saturating_sub(given)) {
        whole[at] += 1;
    }
    whole
}

fn from_parts(kept: &[u8]) -> Option<Vec<f32>> {
    let given: usize = kept.iter().map(|v| usize::from(*v)).sum();
    let last = u8::try_from(255_usize.checked_sub(given)?).ok()?;
    Some(
        kept.iter()
            .chain([&last])
            .map(|v| f32::from(*v) / 255.0)
            .collect(),
    )
}

/// 16 bits each; `None` where one would be too far off.
fn halves(values: &[f32]) -> Option<Vec<u8>> {
    let near = |value: &f32| {
        let half = f16::from_f32(*value);
        ((half.to_f32() - value).abs() <= LARGEST_ERROR).then_some(half.to_le_bytes())
    };
    values
        .iter()
        .map(near)
        .collect::<Option<Vec<_>>>()
        .map(|all| all.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::study::tests::{answer, info, run};

    fn names(count: usize) -> Arc<Vec<String>> {
        Arc::new((0..count).map(|n| format!("n{n}")).collect())
    }

    fn record(sites: usize, adapters: usize, values: Vec<f32>) -> GateRecord {
        GateRecord {
            sites: names(sites),
            adapters: names(adapters),
            values,
        }
    }

    fn with_answer(check: impl FnOnce(&Study, i64)) {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let number = study.bundle(&info("demo")).unwrap();
        let run = run("hi", 0.5, "x");
        let id = study.add(&[answer(&run, number)]).unwrap()[0];
        check(&study, id);
    }

    #[test]
    fn routing_comes_back_with_its_names() {
        with_answer(|study, id| {
            assert_eq!(study.trace(id).unwrap(), None);
            let mut kept = record(2, 4, vec![0.25; 2 * 4 * 3]);
            study.put_trace(id, &kept).unwrap();
            assert_eq!(
                study.trace(id).unwrap().unwrap(),
                kept,
                "static gates are exact"
            );
            // Names that the bundle tells are not kept again.
            kept = record(1, 2, vec![0.2, 0.8, 1.0, 0.0]);
            kept.sites = Arc::new(vec!["q".to_owned()]);
            kept.adapters = Arc::new(vec!["helpful".to_owned(), "humor".to_owned()]);
            study.put_trace(id, &kept).unwrap();
            let shape: String = study.one("SELECT shape FROM trace", []).unwrap();
            assert_eq!(shape, r#"{"tokens":2,"sites":1,"adapters":2}"#);
            let back = study.trace(id).unwrap().unwrap();
            assert_eq!((&back.sites, &back.values), (&kept.sites, &kept.values));
            let ragged = record(2, 2, vec![0.5; 3]);
            assert!(
                study
                    .put_trace(id, &ragged)
                    .unwrap_err()
                    .to_string()
                    .contains("3 values")
            );
            assert!(
                study
                    .put_trace(99, &kept)
                    .unwrap_err()
                    .to_string()
                    .contains("no answer 99")
            );
            for harm in [
                "crc = crc + 1",
                "encoding = 9",
                "data = x'00'",
                r#"shape = '{"tokens":4000000000000000000,"sites":1,"adapters":2}'"#,
            ] {
                study
                    .connection
                    .execute_batch(&format!("UPDATE trace SET {harm}"))
                    .unwrap();
                let refused = study.trace(id).unwrap_err().to_string();
                assert!(refused.contains("trace.data"), "{harm}: {refused}");
                study.put_trace(id, &kept).unwrap();
            }
        });
    }

    #[test]
    fn what_a_person_asked_for_is_written_with_its_routing_and_its_pace() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let number = study.bundle(&info("demo")).unwrap();
        let mut asked = run("hi", 0.5, "x");
        let kept = record(1, 2, vec![0.2, 0.8, 1.0, 0.0]);
        asked.record = Some(Arc::new(kept.clone()));
        asked.pace = vec![500, 20];
        let id = study.add(&[answer(&asked, number)]).unwrap()[0];
        let back = |id| study.played(&study.answer(id).unwrap().unwrap()).unwrap();
        assert_eq!(back(id).record.unwrap().values, kept.values);
        assert_eq!(back(id).pace, [500, 20]);
        // Asked for again it is the same answer: what was kept stays.
        asked.pace = vec![1, 1];
        assert_eq!(study.add(&[answer(&asked, number)]).unwrap(), [id]);
        assert_eq!(back(id).pace, [500, 20]);
        // A record that does not fit loses no answer, nor does one that was damaged.
        let mut ragged = run("ragged", 0.5, "y");
        ragged.record = Some(Arc::new(record(2, 2, vec![0.5; 3])));
        let other = study.add(&[answer(&ragged, number)]).unwrap()[0];
        assert_eq!(back(other).record, None);
        let harm = "UPDATE trace SET crc = crc + 1; UPDATE playback SET deltas = x'ff'";
        study.connection.execute_batch(harm).unwrap();
        assert_eq!((back(id).record, back(id).pace), (None, Vec::new()));
        // A sweep keeps the mean alone.
        asked.key = None;
        let swept = crate::study::NewAnswer {
            interactive: false,
            ..answer(&asked, number)
        };
        let swept = study.add(&[swept]).unwrap()[0];
        assert_eq!(study.trace(swept).unwrap(), None);
        assert_eq!(study.playback(swept).unwrap(), None);
    }

    #[test]
    fn pace_comes_back() {
        with_answer(|study, id| {
            assert_eq!(study.playback(id).unwrap(), None);
            study.put_playback(id, &[1500, 0, 40, u32::MAX]).unwrap();
            assert_eq!(
                study.playback(id).unwrap().unwrap(),
                [1500, 0, 40, u32::MAX]
            );
            assert!(study.put_playback(99, &[]).is_err());
        });
    }

    #[test]
    fn each_kind_of_gates_takes_the_least_that_holds_it() {
        let of = |width, values: &[f32]| pack(&record(1, width, values.to_vec())).0;
        assert_eq!(of(2, &[0.3, 0.7, 0.3, 0.7]), Encoding::Static);
        assert_eq!(of(2, &[0.3, 0.7, 0.4, 0.6]), Encoding::Shares);
        assert_eq!(of(2, &[0.3, 0.7, -0.4, 1.4]), Encoding::Halves, "negative");
        assert_eq!(
            of(2, &[0.3, 0.7, 0.0, 0.6]),
            Encoding::Halves,
            "one is silent"
        );
        assert_eq!(
            of(1, &[100.3, 2.0]),
            Encoding::Singles,
            "16 bits would be 0.0125 off"
        );
        assert_eq!(of(1, &[f32::NAN, 2.0]), Encoding::Singles);
        // A share of 1/8 of 1/255 each leaves one of them 7/8 off.
        let eight: Vec<f32> = (0..16)
            .map(|n| if n < 8 { 0.125 } else { (n - 7) as f32 / 36.0 })
            .collect();
        let (_encoding, bytes) = pack(&record(1, 8, eight.clone()));
        assert!(bytes.len() <= 32);
    }

    proptest! {
        #[test]
        fn no_gate_is_far_off(
            width in 1_usize..9, sites in 1_usize..4, scale in prop_oneof![Just(0.0_f32), Just(1.0), Just(50.0)],
            raw in prop::collection::vec(-1.0_f32..1.0, 1..200),
        ) {
            let stride = width * sites;
            let mut values: Vec<f32> = raw[..raw.len() / stride * stride].to_vec();
            for row in values.chunks_exact_mut(width) {
                let exp: Vec<f32> = row.iter().map(|v| (v * 8.0).exp()).collect();
                let sum: f32 = exp.iter().sum();
                for (value, e) in row.iter_mut().zip(exp) {
                    *value = if scale == 0.0 { e / sum } else { *value * scale };
                }
            }
            let record = record(sites, width, values);
            let (encoding, bytes) = pack(&record);
            let sizes = [record.tokens(), sites, width];
            prop_assert_eq!(Some(bytes.len()), expected(encoding, sizes));
            let bytes = inflate(&deflate(&bytes).unwrap(), bytes.len()).unwrap();
            let back = unpack(encoding, sizes, &bytes).unwrap();
            prop_assert_eq!(back.len(), record.values.len());
            for (a, b) in back.iter().zip(&record.values) {
                prop_assert!((a - b).abs() <= LARGEST_ERROR, "{} {} {:?}", a, b, encoding);
            }
            if scale == 0.0 && width <= 4 && record.tokens() > 0 && encoding != Encoding::Static {
                prop_assert_eq!(encoding, Encoding::Shares);
                for row in back.chunks_exact(width) {
                    prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(
            code in 0_usize..4, sizes in prop::array::uniform3(0_usize..5), bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let encoding = Encoding::ALL[code];
            let _read = unpack(encoding, sizes, &bytes);
            let _read = inflate(&bytes, expected(encoding, sizes).unwrap());
        }
    }
}
