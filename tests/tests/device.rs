//! The path of the GPUs, run on candle's CPU: the same answers as our own kernels give. And devices that
//! are asked for and not there.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

use std::sync::Arc;
use std::time::Duration;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::device::{Backend, DeviceChoice, Precision};
use paretoscope_engine::generate::generate_all;
use paretoscope_engine::protocol::{EngineCommand, EngineEvent, JobId};
use paretoscope_engine::reward::{RewardInput, score_all};
use paretoscope_engine::runtime::{EngineOptions, spawn};
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Sampling, TraceLevel,
};
use paretoscope_tests::{Fixture, engine};

fn load(fixture: &Fixture, backend: Backend) -> Bundle {
    let options = LoadOptions {
        backend,
        ..LoadOptions::default()
    };
    Bundle::load(fixture.path(), &options, &mut |_, _| Ok(())).expect("a sound bundle")
}

/// Prompts of three lengths at corners, an edge and where the router has its say.
fn requests() -> Vec<RowRequest> {
    let points = [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 1.0],
        [1.0, 1.0, 1.0],
        [0.5, 0.2, 0.3],
    ];
    let prompts = ["A", "The cat ate the cake.", "How do I clean a kettle?"];
    points
        .iter()
        .flat_map(|point| prompts.iter().map(move |prompt| (point, prompt)))
        .map(|(point, prompt)| RowRequest {
            prompt: Prompt::Text((*prompt).to_owned()),
            point: Point::Preference(Preference::new(point.to_vec()).expect("a preference")),
            sampling: Sampling {
                max_tokens: 20,
                ignore_eos: true,
                ..Sampling::default()
            },
            mutes: Mutes::default(),
            trace: TraceLevel::Full,
            time: None,
        })
        .collect()
}

#[test]
fn both_paths_give_the_same_answers_and_record_the_same_gates() {
    let fixture = Fixture::new();
    let packed = load(&fixture, Backend::default());
    let tensors = load(&fixture, Backend::tensors_on_cpu());
    assert_eq!(packed.info.identity.model, tensors.info.identity.model);
    assert_ne!(
        packed.info.identity.numerics,
        tensors.info.identity.numerics
    );
    assert_eq!(packed.info.sites, tensors.info.sites);
    for (a, b) in packed
        .info
        .expert_files
        .iter()
        .zip(&tensors.info.expert_files)
    {
        let (Some(a), Some(b)) = (a.effect, b.effect) else {
            continue;
        };
        assert!((a - b).abs() < 1e-3 * a.max(1.0), "effect {b} vs {a}");
    }
    let run = |bundle: &Bundle| generate_all(bundle, requests(), 5).expect("rows");
    for (want, got) in run(&packed).iter().zip(&run(&tensors)) {
        assert_eq!(want.text, got.text);
        let values = |run: &paretoscope_engine::types::Run| {
            run.record.clone().expect("a full trace").values.clone()
        };
        let (want, got) = (values(want), values(got));
        assert_eq!(want.len(), got.len());
        assert!(!want.is_empty());
        for (want, got) in want.iter().zip(&got) {
            assert!((want - got).abs() < 1e-4, "gate {got} vs {want}");
        }
    }
    let text = [RewardInput::Response("The cat ate the cake.".to_owned())];
    let scores = |bundle: &Bundle| score_all(&bundle.rewards, &text).expect("scores");
    assert_eq!(scores(&packed), scores(&tensors));
}

#[test]
fn a_device_that_is_not_there_is_refused_in_one_line() {
    let fixture = Fixture::new();
    let bundle = fixture.path().to_string_lossy().into_owned();
    let out = fixture.out("F").to_string_lossy().into_owned();
    // No machine has a hundredth GPU, whatever was built.
    let command = |device: &str, dtype: &str| {
        engine([
            "logits",
            "--bundle",
            &bundle,
            "--preference",
            "1,0,0",
            "--tokens",
            "3",
            "--out",
            &out,
            "--device",
            device,
            "--dtype",
            dtype,
        ])
    };
    for (device, dtype, word) in [
        ("cuda:99", "auto", "cuda:99"),
        ("cpu", "bf16", "f32"),
        ("gpu", "auto", "cuda:N"),
        ("cpu", "f64", "bf16"),
    ] {
        let outcome = command(device, dtype);
        assert_eq!(outcome.status, Some(2), "{device}: {}", outcome.stderr);
        let errors: Vec<&str> = outcome.stderr.lines().collect();
        assert_eq!(errors.len(), 1, "{device}: {errors:?}");
        assert!(errors[0].contains(word), "{device}: {errors:?}");
        assert!(outcome.stdout.is_empty() && !fixture.out("F").exists());
    }
}

#[test]
fn the_window_gets_the_cpu_and_the_reason() {
    let fixture = Fixture::new();
    let options = EngineOptions {
        device: DeviceChoice::Cuda(99),
        dtype: Precision::Bf16,
        ..EngineOptions::default()
    };
    let front = spawn(options, Arc::new(|| {})).expect("a thread");
    let next = || {
        let event = front.events.recv_timeout(Duration::from_mins(2));
        event.expect("an event")
    };
    let EngineEvent::Ready { device, fallback } = next() else {
        panic!("the first event is Ready")
    };
    let fallback = fallback.expect("a reason");
    assert!(device.starts_with("CPU"), "{device}");
    assert!(fallback.contains("cuda:99"), "{fallback}");
    let load = EngineCommand::LoadBundle {
        job: JobId(1),
        path: fixture.path().to_path_buf(),
    };
    front.commands.send(load).expect("the engine listens");
    let bundle = loop {
        match next() {
            EngineEvent::Loaded { bundle, .. } => break bundle,
            EngineEvent::LoadFailed { trouble, .. } => panic!("{}", trouble.message),
            _ => {}
        }
    };
    assert_eq!(bundle.model.fallback.as_ref(), Some(&fallback));
    assert_eq!(bundle.model.device, device);
}
