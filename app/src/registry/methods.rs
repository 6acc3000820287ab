//! Why a method cannot be had right now.

use paretoscope_core::method::MethodKind;
use paretoscope_core::types::{BundleInfo, PointKind};

/// Why a sweep of a bundle cannot go by a method at such points; `None` where it can.
pub fn sweep_off(info: &BundleInfo, kind: MethodKind, points: PointKind) -> Option<String> {
    if kind == MethodKind::BestOfN {
        let words = "a sweep of it chooses among pools of answers that all points share, which the command line makes: `sweep --method best-of-n`";
        return Some(words.to_owned());
    }
    method_off(info, kind, points)
}

/// Why a bundle has no answers by a method at such points; `None` where it has.
pub fn method_off(info: &BundleInfo, kind: MethodKind, points: PointKind) -> Option<String> {
    if !kind.points().contains(&points) {
        let other = match points {
            PointKind::Preference => PointKind::Weights,
            PointKind::Weights => PointKind::Preference,
        };
        let words = format!(
            "it answers at {}, not at {}",
            other.plural(),
            points.plural()
        );
        return Some(words);
    }
    if kind.needs_parts() && !info.methods.iter().any(|name| name == kind.name()) {
        return Some("this bundle holds no parts that were trained for it".to_owned());
    }
    if kind.tells() && !info.model.has_tokenizer {
        return Some(
            "it tells the model its preference in words, and this bundle has no tokenizer"
                .to_owned(),
        );
    }
    let mut objectives = info.objectives.iter();
    if kind.needs_singles(points) {
        let mut numbered = objectives.clone().enumerate();
        let lacking = numbered.find(|(at, _)| info.single(*at).is_none());
        if let Some((_, objective)) = lacking {
            return Some(format!(
                "it takes one LoRA expert per objective, and none stands at {} alone",
                objective.name
            ));
        }
    }
    if matches!(kind, MethodKind::Args | MethodKind::BestOfN) {
        let mute = objectives.find(|o| o.reward.is_none());
        return mute.map(|objective| {
            format!("it asks the reward models, and {} has none", objective.name)
        });
    }
    None
}
