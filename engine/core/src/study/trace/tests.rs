//! Routing that is kept and comes back.

use proptest::prelude::*;

use super::pack::*;
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
        assert_eq!(
            shape,
            r#"{"tokens":2,"sites":1,"adapters":2,"speaks":[1,0]}"#
        );
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
fn those_who_are_silent_take_no_room_and_an_earlier_version_s_are_read() {
    with_answer(|study, id| {
        // One of four is silent, and the third is the loudest.
        let values = [
            [0.2, 0.0, 0.8, 0.0],
            [0.0, 0.0, 1.0, 0.0],
            [0.4, 0.0, 0.4, 0.2],
        ];
        let kept = record(1, 4, values.concat());
        let (encoding, speaks, bytes) = pack(&kept);
        assert_eq!((encoding, &speaks[..]), (Encoding::Shares, &[0, 3, 2][..]));
        assert_eq!(bytes, [51, 0, 0, 0, 102, 51]);
        study.put_trace(id, &kept).unwrap();
        assert_eq!(study.trace(id).unwrap().unwrap().values, kept.values);
        // Before, all but the last were kept.
        let bytes = [51, 0, 204, 0, 0, 255, 102, 0, 102];
        let shape = r#"{"tokens":3,"sites":["n0"],"adapters":["n0","n1","n2","n3"]}"#;
        let earlier = |shape: &str| {
            let sql = "UPDATE trace SET shape = ?1, data = ?2, crc = ?3";
            let row = params![shape, deflate(&bytes).unwrap(), crc(&bytes)];
            study.connection.execute(sql, row).unwrap();
            study.trace(id)
        };
        assert_eq!(earlier(shape).unwrap().unwrap().values, kept.values);
        for speaks in ["[0,1,2,4]", "[0]", "[0,1,2,3,0]"] {
            let shape = shape.replace('}', &format!(r#","speaks":{speaks}}}"#));
            let refused = earlier(&shape).unwrap_err().to_string();
            assert!(refused.contains("trace.data"), "{speaks}: {refused}");
        }
    });
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
    let (_encoding, _speaks, bytes) = pack(&record(1, 8, eight.clone()));
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
        let (encoding, speaks, bytes) = pack(&record);
        let sizes = Sizes { tokens: record.tokens(), sites, adapters: width, speaks };
        prop_assert_eq!(Some(bytes.len()), expected(encoding, &sizes));
        let bytes = inflate(&deflate(&bytes).unwrap(), bytes.len()).unwrap();
        let back = unpack(encoding, &sizes, &bytes).unwrap();
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
        code in 0_usize..4, [tokens, sites, adapters] in prop::array::uniform3(0_usize..5),
        speaks in prop::collection::vec(0_usize..6, 0..6), bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let encoding = Encoding::ALL[code];
        let sizes = Sizes { tokens, sites, adapters, speaks };
        let _read = unpack(encoding, &sizes, &bytes);
        let _read = inflate(&bytes, expected(encoding, &sizes).unwrap());
    }
}
