//! The arms: which methods a bundle can run, at which points, with which settings to choose among.

use paretoscope_core::evidence::{ArmPlan, Budget, ContrastPlan, Setting};

use crate::bundle::{ArmEntry, ArmOf, Bundle};
use crate::method::{Method, MethodKind};
use crate::protocol::SweepGrid;
use crate::sweep::points;
use crate::types::{NamedPoint, Point, PointSet, Weights};
use crate::{Error, Result};

/// An arm under one setting: what is swept.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The arm, as the protocol names it.
    pub arm: String,
    /// Whether every training run has it; otherwise the first alone.
    pub trained: bool,
    /// The control arm's bundle, by its name in `bundle.json`; `None` for the bundle itself.
    pub control: Option<String>,
    /// The setting.
    pub setting: Setting,
    /// By which method; `None` for HoE and MVA.
    pub method: Option<Method>,
    /// Where.
    pub grid: SweepGrid,
}

/// One training run of a recipe.
#[derive(Debug)]
pub struct TrainingRun<'a> {
    /// Its bundle.
    pub bundle: &'a Bundle,
    /// Its control arms, by absolute paths.
    pub controls: Vec<ArmEntry>,
}

/// An arm with all that is tried.
struct Family {
    name: String,
    about: String,
    tried: Vec<Tried>,
}

impl Family {
    fn of(kind: MethodKind, tried: Vec<Tried>) -> Self {
        Self {
            name: kind.name().to_owned(),
            about: kind.title().to_owned(),
            tried,
        }
    }
}

/// What validation chooses among: methods as they are written, the smaller ones first.
fn settings(kind: MethodKind, quick: bool) -> Vec<&'static str> {
    let all: &[&str] = match kind {
        MethodKind::Ties => &["ties", "ties:density=0.5"],
        MethodKind::Dare => &["dare", "dare:density=0.5"],
        MethodKind::Pcb => &["pcb", "pcb:density=0.3"],
        MethodKind::Fourier => &["fourier"],
        MethodKind::Mod => &["mod", "mod:c=1.5", "mod:c=2"],
        MethodKind::Pad => &["pad", "pad:c=1.5"],
        MethodKind::Args => &["args:c=0.5", "args", "args:c=2"],
        MethodKind::Steering => &["steering:c=0.5", "steering", "steering:c=2"],
        MethodKind::Genarm => &["genarm:c=0.5", "genarm", "genarm:c=2"],
        MethodKind::Parm => &["parm:c=0.5", "parm", "parm:c=2"],
        MethodKind::BestOfN => &["best-of-n:n=4", "best-of-n"],
        MethodKind::Rs => &["rs"],
        MethodKind::Soup => &["soup"],
        MethodKind::Nearest => &["nearest"],
        MethodKind::Prompting => &["prompting"],
        MethodKind::Ric => &["ric"],
        MethodKind::Aligner => &["aligner"],
        MethodKind::Metaaligner => &["metaaligner"],
        MethodKind::Loramoe => &["loramoe"],
        MethodKind::Hoe
        | MethodKind::Mva
        | MethodKind::Base
        | MethodKind::Modpo
        | MethodKind::DpoLw
        | MethodKind::DpoSeqt
        | MethodKind::Morlhf => &[],
    };
    // In little time the first and the usual one alone.
    let kept = if quick { 1 } else { all.len() };
    all.iter().copied().take(kept).collect()
}

/// The arms of an evidence run.
#[derive(Debug, Clone, Default)]
pub struct Arms {
    /// As the protocol names them.
    pub plans: Vec<ArmPlan>,
    /// Named beforehand.
    pub contrasts: Vec<ContrastPlan>,
    /// What is swept.
    pub tried: Vec<Tried>,
}

impl Arms {
    /// Keeps some arms, and the contrasts between them.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.plans.retain(|arm| keep(&arm.name));
        self.tried.retain(|tried| keep(&tried.arm));
        self.contrasts
            .retain(|contrast| keep(&contrast.a) && keep(&contrast.b));
        for contrast in &mut self.contrasts {
            contrast.controls.retain(|arm| keep(arm));
        }
    }

    /// Keeps the arms that are named, all where none is; an unknown name is refused.
    pub fn only(&mut self, names: &[String]) -> Result<()> {
        let known: Vec<&str> = self.plans.iter().map(|arm| arm.name.as_str()).collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            let problem = format!("`{unknown}` is no arm of these bundles; there are {known}");
            return Err(Error::option("--only", problem));
        }
        if !names.is_empty() {
            self.retain(|arm| names.iter().any(|name| name == arm));
        }
        Ok(())
    }
}

/// The arms that training runs of one recipe can run, and the contrasts that are named beforehand. `token_cap` is what an
/// answer may have. What the first run alone has is measured there, and stands beside every other run.
pub fn arms(runs: &[TrainingRun<'_>], quick: bool, token_cap: usize) -> Arms {
    let Some(first) = runs.first() else {
        return Arms::default();
    };
    let bundle = first.bundle;
    let mut families = preferences(bundle, quick);
    families.extend(weights(bundle, quick));
    families.extend(first.controls.iter().map(|arm| control(bundle, arm, quick)));
    for family in &mut families {
        let (kind, tried) = (family.name.parse::<MethodKind>().ok(), &mut family.tried);
        let everywhere = runs.iter().all(|run| match kind {
            Some(kind) => !kind.needs_parts() || run.bundle.methods.contains_key(kind.name()),
            None => tried.iter().all(|tried| match &tried.control {
                Some(name) => run.controls.iter().any(|arm| arm.name == *name),
                None => true,
            }),
        });
        if !everywhere {
            family.about += ", of one training run";
        }
        for tried in tried {
            tried.trained = everywhere;
        }
    }
    let budget = Budget {
        token_cap: token_cap as u64,
        ..Budget::default()
    };
    let plans = families.iter().map(|family| ArmPlan {
        name: family.name.clone(),
        about: family.about.clone(),
        trained: family.tried.iter().all(|tried| tried.trained),
        settings: family.tried.iter().map(|t| t.setting.clone()).collect(),
        budget,
    });
    let plans: Vec<ArmPlan> = plans.collect();
    let contrasts = contrasts(&plans, &first.controls);
    let tried = families.into_iter().flat_map(|family| family.tried);
    Arms {
        plans,
        contrasts,
        tried: tried.collect(),
    }
}

/// The preferences that arms visit: HoE's own 11 or 13 (appendix E.5), steps of a quarter for more objectives; in little
/// time the corners and the middles of edges, with the places where merged experts and routers stand: between them they do
/// nothing that interpolation does not.
fn simplex(bundle: &Bundle, quick: bool) -> SweepGrid {
    let objectives = bundle.info.objectives.len();
    let usual = match (objectives, quick) {
        (2, false) => SweepGrid::Set(PointSet::Hoe11),
        (3, false) => SweepGrid::Set(PointSet::Hoe13),
        _ => SweepGrid::Simplex {
            step: if quick { 0.5 } else { 0.25 },
            objectives: Vec::new(),
        },
    };
    if !quick {
        return usual;
    }
    // A grid of a bundle that is loaded has points.
    let mut places = points(&usual, objectives, 0, 1, false).unwrap_or_default();
    for expert in &bundle.info.experts {
        let place = Point::Preference(expert.preference.clone());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    SweepGrid::List {
        points: places.into_iter().map(NamedPoint::from).collect(),
    }
}

fn preferences(bundle: &Bundle, quick: bool) -> Vec<Family> {
    let grid = simplex(bundle, quick);
    let here = |kind: MethodKind, text: &str, size: usize| Tried {
        arm: kind.name().to_owned(),
        trained: true,
        control: None,
        setting: Setting {
            name: text.to_owned(),
            size: size as f64,
        },
        method: text
            .parse()
            .ok()
            .filter(|m: &Method| m.kind() != MethodKind::Hoe),
        grid: grid.clone(),
    };
    let mut families = vec![Family::of(
        MethodKind::Hoe,
        vec![here(MethodKind::Hoe, "hoe", 0)],
    )];
    for kind in MethodKind::ALL {
        let there = !kind.needs_parts() || bundle.methods.contains_key(kind.name());
        // What asks the reward models at each token takes its time.
        let slow = quick && kind == MethodKind::Args;
        let tried: Vec<Tried> = settings(kind, quick)
            .into_iter()
            .enumerate()
            .map(|(size, text)| here(kind, text, size))
            .collect();
        if there && !slow && !tried.is_empty() {
            families.push(Family::of(kind, tried));
        }
    }
    families.extend(at_their_points(bundle));
    families
}

/// Methods with a model per preference answer where their models stand.
fn at_their_points(bundle: &Bundle) -> Vec<Family> {
    let kinds = [MethodKind::Modpo, MethodKind::DpoLw, MethodKind::Morlhf];
    let families = kinds.into_iter().filter_map(|kind| {
        let parts = bundle.methods.get(kind.name())?;
        let stand = parts.iter().filter_map(|part| part.preference.clone());
        let points = stand.filter_map(|shares| {
            let preference = crate::types::Preference::new(shares).ok()?;
            Some(NamedPoint::from(Point::Preference(preference)))
        });
        let points: Vec<NamedPoint> = points.collect();
        (!points.is_empty()).then(|| {
            let tried = Tried {
                arm: kind.name().to_owned(),
                trained: true,
                control: None,
                setting: Setting {
                    name: kind.name().to_owned(),
                    size: 0.0,
                },
                method: Some(Method::usual(kind)),
                grid: SweepGrid::List { points },
            };
            Family::of(kind, vec![tried])
        })
    });
    families.collect()
}

/// The largest weights that validation chooses among.
fn sides(quick: bool) -> &'static [f64] {
    if quick {
        &[0.6, 1.0]
    } else {
        &[0.4, 0.6, 0.8, 1.0, 1.2]
    }
}

/// An arm at free weights, under each largest weight.
fn boxes(arm: &str, values: usize, quick: bool) -> Vec<Tried> {
    let tried = sides(quick).iter().map(|&c| Tried {
        arm: arm.to_owned(),
        trained: true,
        control: None,
        setting: Setting {
            name: format!("C={c}"),
            size: c,
        },
        method: None,
        grid: SweepGrid::List {
            points: box_of(values, c),
        },
    });
    tried.collect()
}

/// A control arm, measured as what it is the control of.
fn control(bundle: &Bundle, arm: &ArmEntry, quick: bool) -> Family {
    let mut tried = match arm.of {
        ArmOf::Mva => boxes(&arm.name, bundle.info.values.len(), quick),
        ArmOf::Hoe => vec![Tried {
            arm: arm.name.clone(),
            trained: true,
            control: None,
            setting: Setting {
                name: "as trained".to_owned(),
                size: 0.0,
            },
            method: None,
            grid: simplex(bundle, quick),
        }],
    };
    for tried in &mut tried {
        tried.control = Some(arm.name.clone());
    }
    Family {
        name: arm.name.clone(),
        about: match arm.of {
            ArmOf::Mva => "control of MVA: other value vectors".to_owned(),
            ArmOf::Hoe => "control of HoE: other experts".to_owned(),
        },
        tried,
    }
}

/// Free weights: a box of three values a side, whose side is chosen; and weights that sum to 1, as the control of
/// extrapolation.
fn weights(bundle: &Bundle, quick: bool) -> Vec<Family> {
    let values = bundle.info.values.len();
    if values == 0 {
        return Vec::new();
    }
    let mut families = vec![
        Family {
            name: "mva".to_owned(),
            about: "MVA, free weights of value vectors".to_owned(),
            tried: boxes("mva", values, quick),
        },
        Family {
            name: "mva-convex".to_owned(),
            about: "value vectors by weights that sum to 1".to_owned(),
            tried: vec![Tried {
                arm: "mva-convex".to_owned(),
                trained: true,
                control: None,
                setting: Setting {
                    name: "convex".to_owned(),
                    size: 0.0,
                },
                method: None,
                grid: SweepGrid::Set(PointSet::Convex {
                    step: if quick { 0.5 } else { 0.25 },
                }),
            }],
        },
    ];
    if !quick {
        families.push(Family {
            name: "mod-box".to_owned(),
            about: "value vectors' logits at free weights".to_owned(),
            tried: boxes("mod-box", values, quick)
                .into_iter()
                .map(|tried| Tried {
                    method: Some(Method::usual(MethodKind::Mod)),
                    ..tried
                })
                .collect(),
        });
    }
    families
}

/// Every combination of 0, c/2 and c, but for the base alone.
fn box_of(values: usize, c: f64) -> Vec<NamedPoint> {
    let mut all: Vec<Vec<f64>> = vec![Vec::new()];
    for _ in 0..values {
        let longer = all.iter().flat_map(|place| {
            [0.0, c / 2.0, c].map(|w| {
                let mut place = place.clone();
                place.push(w);
                place
            })
        });
        all = longer.collect();
    }
    let points = all
        .into_iter()
        .filter(|place| place.iter().any(|w| *w > 0.0));
    let points = points.filter_map(|place| Weights::new(place).ok());
    points
        .map(|weights| NamedPoint::from(Point::Weights(weights)))
        .collect()
}

/// The papers' claims first, each against its control; everything else explores. What is ahead of its rival is called
/// better only where it beats its control arms as well.
fn contrasts(arms: &[ArmPlan], controls: &[ArmEntry]) -> Vec<ContrastPlan> {
    let there = |name: &str| arms.iter().any(|arm| arm.name == name);
    let of = |kind: ArmOf, but: &str| -> Vec<String> {
        let controls = controls.iter().filter(|arm| arm.of == kind);
        let others = controls.filter(|arm| arm.name != but);
        others.map(|arm| arm.name.clone()).collect()
    };
    let contrast = |table: &str, a: &str, b: &str, primary: bool| ContrastPlan {
        table: table.to_owned(),
        a: a.to_owned(),
        b: b.to_owned(),
        primary,
        controls: match (primary, a) {
            (true, "hoe") => of(ArmOf::Hoe, b),
            (true, "mva") => of(ArmOf::Mva, b),
            _ => Vec::new(),
        },
        differs_in: [Budget::CHOOSING].map(str::to_owned).to_vec(),
    };
    let primary = [
        ("HoE", "hoe", "rs"),
        ("HoE", "hoe", "mod"),
        ("HoE", "hoe", "nearest"),
        ("MVA", "mva", "mva-convex"),
        ("MVA", "mva", "rs"),
    ];
    let named = primary.into_iter().filter(|(_, a, b)| there(a) && there(b));
    let mut all: Vec<ContrastPlan> = named
        .map(|(table, a, b)| contrast(table, a, b, true))
        .collect();
    for arm in controls {
        let (table, ours) = match arm.of {
            ArmOf::Hoe => ("HoE", "hoe"),
            ArmOf::Mva => ("MVA", "mva"),
        };
        if there(ours) {
            all.push(contrast(table, ours, &arm.name, true));
        }
    }
    for arm in arms {
        let rival = arm.name.as_str();
        let stands = all.iter().any(|c| c.a == "hoe" && c.b == rival);
        let control = controls.iter().any(|control| control.name == rival);
        if rival != "hoe" && !stands && !control && there("hoe") {
            all.push(contrast("others", "hoe", rival, false));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_has_three_values_a_side_and_leaves_the_base_out() {
        let points = box_of(2, 1.0);
        assert_eq!(points.len(), 8);
        assert!(points.iter().all(|named| !named.point.is_base()));
    }

    #[test]
    fn settings_are_methods_and_grow() {
        for kind in MethodKind::ALL {
            for text in settings(kind, false) {
                let method: Method = text.parse().unwrap();
                assert_eq!(method.kind(), kind, "{text}");
                assert_eq!(method.to_string(), text, "written as it is named");
            }
        }
    }
}
