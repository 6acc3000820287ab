//! What every event must be in itself, whoever says it.

use std::collections::BTreeSet;

use paretoscope_core::protocol::{EngineCommand, EngineEvent, SweepPhase, SweepPlan};
use paretoscope_core::types::{BundleInfo, ExpertKind, Finish, Run, RunStatus, TrainNews};

use crate::side::{Side, demo};

/// What every event must be in itself, whoever says it.
pub(crate) fn check(side: &Side, commands: &[EngineCommand], events: &[EngineEvent]) {
    let bundle = side.bundle.as_deref();
    let of_bundle = || bundle.expect("a bundle is loaded");
    let (mut text, mut tokens, mut prompt_tokens) = (String::new(), Vec::new(), None);
    let (mut seen, mut last, mut step) = (BTreeSet::new(), None, 0);
    for event in events {
        match event {
            EngineEvent::Ready { device, .. } => assert!(!device.is_empty()),
            EngineEvent::Loading { fraction, .. } => assert!((0.0..=1.0).contains(fraction)),
            EngineEvent::Loaded { bundle, .. } => check_bundle(bundle),
            EngineEvent::LoadFailed { trouble, .. } | EngineEvent::Failed { trouble, .. } => {
                assert!(!trouble.message.is_empty() && !trouble.message.contains('\n'));
            }
            EngineEvent::Reading { read, tokens, .. } => assert!(read <= tokens),
            EngineEvent::Started {
                prompt_tokens: n, ..
            } => prompt_tokens = Some(*n),
            EngineEvent::Tokens { news, .. } => {
                assert_eq!(news.first, tokens.len(), "{}: tokens in order", side.name);
                let stride = of_bundle().sites.len() * of_bundle().adapters.len();
                assert!([0, news.tokens.len() * stride].contains(&news.gates.len()));
                text.push_str(&news.text);
                tokens.extend(news.tokens.iter().cloned());
                assert_eq!(tokens.last().map(|t| t.end), Some(text.len()));
            }
            EngineEvent::Finished { run, .. } => {
                check_run(side.name, of_bundle(), run);
                // A row that is stopped in time never starts.
                let told = prompt_tokens.unwrap_or(run.prompt_tokens.len());
                assert_eq!(run.prompt_tokens.len(), told, "{}", side.name);
                assert!(run.text.starts_with(&text) && run.tokens.starts_with(&tokens));
                assert_eq!(
                    run.text.len(),
                    text.len(),
                    "{}: no news were lost",
                    side.name
                );
            }
            EngineEvent::Scored { scores, .. } => {
                assert_eq!(scores.0.len(), of_bundle().objectives.len());
            }
            EngineEvent::Previewed { given, context, .. } => {
                assert_eq!(*context, of_bundle().model.context);
                assert!(!given.text.is_empty() && !given.tokens.is_empty());
            }
            EngineEvent::SweepPoint { result, .. } => {
                assert!(
                    seen.insert(result.index),
                    "{}: a point came twice",
                    side.name
                );
                assert_eq!(result.scores.len(), of_bundle().objectives.len());
                let plan = plan_of(commands);
                assert_eq!(result.rows, plan.prompts.len());
                assert!(
                    result
                        .scores
                        .iter()
                        .flatten()
                        .all(|s| s.n + s.non_finite == result.rows)
                );
            }
            EngineEvent::Sweep { progress, .. } => {
                let prompts = plan_of(commands).prompts.len();
                assert_eq!(progress.rows, progress.points * prompts);
                assert!(
                    progress.points_done <= progress.points && progress.rows_done <= progress.rows
                );
                last = Some(progress.clone());
            }
            EngineEvent::Training { news, .. } => check_training(side.name, news, &mut step),
            EngineEvent::BundleMade { made, .. } => {
                assert!(made.as_ref().err().is_none_or(|t| !t.message.is_empty()));
            }
            EngineEvent::Held { held, .. } => {
                assert!(held.points_done <= held.points && held.rows_done <= held.rows);
            }
            EngineEvent::Compared { found, .. } => {
                let n = found.names.len();
                assert!(n > 1 && found.pairs.len() == n * (n - 1) / 2);
                let layers = of_bundle().model.layers;
                assert!(found.pairs.iter().all(|pair| pair.layers.len() == layers));
            }
            EngineEvent::Recalled { runs, .. } => {
                for (run, prompt) in runs.iter().zip(&plan_of(commands).prompts) {
                    check_run(side.name, of_bundle(), run);
                    assert_eq!(&run.prompt, prompt, "{}: in order of prompts", side.name);
                    assert!(run.scores.is_some(), "{}", side.name);
                }
            }
            _ => {}
        }
    }
    if let Some(progress) = last.filter(|p| p.phase == SweepPhase::Finished) {
        assert_eq!(
            (progress.points_done, progress.rows_done),
            (progress.points, progress.rows)
        );
        assert_eq!(
            seen.len(),
            progress.points,
            "{}: every point came",
            side.name
        );
    }
}

fn check_training(side: &str, news: &TrainNews, last: &mut usize) {
    match news {
        TrainNews::Preparing { what, done, total } => {
            assert!(!what.is_empty() && done <= total, "{side}");
        }
        TrainNews::Step(step) => {
            assert!(*last < step.step && step.step <= step.steps, "{side}");
            assert!(step.loss.is_finite() && step.figures.keys().all(|name| !name.is_empty()));
            *last = step.step;
        }
        TrainNews::Saved { step } => assert_eq!(step, last, "{side}: what was trained is saved"),
        TrainNews::Ended(_) => {}
    }
}

fn check_bundle(info: &BundleInfo) {
    assert_eq!(info.path, demo());
    let names: Vec<&str> = info.experts.iter().map(|e| e.name.as_str()).collect();
    let files: Vec<&str> = info.expert_files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, files, "a file for each expert, in order");
    let loras = info.experts.iter().filter(|e| e.kind == ExpertKind::Lora);
    let loras: Vec<&str> = loras.map(|e| e.name.as_str()).collect();
    assert_eq!(
        info.adapters[..loras.len()],
        loras,
        "LoRA experts come first"
    );
    assert!(!info.sites.is_empty() && !info.prompts.is_empty() && info.memory_bytes > 0);
    assert_eq!(info.value_adapters.len(), info.values.len());
    assert!(info.value_adapters.iter().all(|a| *a < info.adapters.len()));
    for objective in &info.objectives {
        assert!(objective.reward.is_some() == objective.reward_kind.is_some());
        assert!(objective.reading.is_some());
    }
    let hexadecimal =
        |digest: &str| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(hexadecimal(&info.model.digest));
    assert!(
        info.expert_files
            .iter()
            .all(|file| hexadecimal(&file.digest))
    );
    assert!(info.demonstration.is_some());
}

fn check_run(side: &str, bundle: &BundleInfo, run: &Run) {
    let routers = bundle
        .experts
        .iter()
        .filter(|e| e.kind == ExpertKind::Router);
    assert_eq!(run.gates.adapters.len(), bundle.adapters.len(), "{side}");
    assert_eq!(run.gates.routers.len(), routers.count(), "{side}");
    assert_eq!(
        run.given.as_ref().map(|g| g.ids()).as_ref(),
        Some(&run.prompt_tokens),
        "{side}"
    );
    assert_eq!(
        run.tokens.last().map_or(0, |t| t.end),
        run.text.len(),
        "{side}"
    );
    assert!(run.tokens.len() <= run.sampling.max_tokens, "{side}");
    assert_eq!(
        run.status == RunStatus::Stopped,
        run.finish == Finish::Cancelled,
        "{side}"
    );
    if let Some(record) = &run.record {
        assert_eq!(record.tokens(), run.tokens.len(), "{side}");
        assert_eq!(
            (&*record.sites, &*record.adapters),
            (&bundle.sites, &bundle.adapters),
            "{side}"
        );
    }
}

fn plan_of(commands: &[EngineCommand]) -> &SweepPlan {
    let plan = commands.iter().find_map(|command| match command {
        EngineCommand::Sweep { plan, .. } => Some(plan),
        EngineCommand::Recall { plan, .. } => Some(&**plan),
        _ => None,
    });
    plan.expect("a command with a plan")
}
