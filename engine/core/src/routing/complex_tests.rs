//! Figures of the HoE paper, made-up cases, and properties of the subdivision.

use proptest::prelude::*;

use super::*;

fn expert(kind: ExpertKind, preference: &[f64]) -> Expert {
    Expert {
        kind,
        name: String::new(),
        preference: Preference::new(preference.to_vec()).unwrap(),
    }
}

fn loras(points: &[&[f64]]) -> Vec<Expert> {
    points.iter().map(|p| expert(ExpertKind::Lora, p)).collect()
}

/// The paper's set for three objectives: corners, centre, and a router.
fn hoe() -> Vec<Expert> {
    let mut set = loras(&[
        &[1.0, 0.0, 0.0],
        &[0.0, 1.0, 0.0],
        &[0.0, 0.0, 1.0],
        &[1.0, 1.0, 1.0],
    ]);
    set.push(expert(ExpertKind::Router, &[0.25, 0.25, 0.5]));
    set
}

#[track_caller]
fn check(experts: &[Expert], preference: &[f64], right: &[(usize, f64)]) {
    let complex = Complex::new(experts, preference.len()).unwrap();
    let got = complex.route(&Preference::new(preference.to_vec()).unwrap());
    let order: Vec<usize> = got.experts.iter().map(|e| e.index).collect();
    assert_eq!(
        order,
        right.iter().map(|r| r.0).collect::<Vec<_>>(),
        "{preference:?}: {got:?}"
    );
    for (e, r) in got.experts.iter().zip(right) {
        assert!((e.weight - r.1).abs() < 1e-9, "{preference:?}: {got:?}");
    }
    assert_eq!(got.residual, 0.0);
}

#[test]
fn the_papers_preferences() {
    let set = hoe();
    check(&set, &[0.1, 0.1, 0.8], &[(2, 0.6), (4, 0.4)]);
    check(&set, &[0.1, 0.8, 0.1], &[(1, 0.7), (3, 0.3)]);
    check(&set, &[0.2, 0.4, 0.4], &[(1, 0.2), (4, 0.8)]);
    check(&set, &[0.4, 0.4, 0.2], &[(0, 0.2), (1, 0.2), (3, 0.6)]);
    check(&set, &[0.33, 0.33, 0.33], &[(3, 1.0)]);
    check(&set, &[0.0, 1.0, 0.0], &[(1, 1.0)]);
}

#[test]
fn figure_2() {
    let mut set = hoe();
    set.pop();
    set.push(expert(ExpertKind::Lora, &[0.5, 0.5, 0.0]));
    check(
        &set,
        &[5.0, 3.0, 1.0],
        &[(0, 2.0 / 9.0), (3, 3.0 / 9.0), (4, 4.0 / 9.0)],
    );
}

#[test]
fn loras_go_in_before_routers_whatever_the_list() {
    let mut set = hoe();
    set.swap(0, 4);
    check(&set, &[0.4, 0.2, 0.4], &[(0, 0.8), (4, 0.2)]);
    check(&set, &[0.4, 0.4, 0.2], &[(1, 0.2), (3, 0.6), (4, 0.2)]);
}

#[test]
fn cells_of_the_papers_set() {
    let complex = Complex::new(&hoe(), 3).unwrap();
    // Three around the centre; the router lies on the face between two of them: 1 + 2 + 2.
    assert_eq!(complex.cells().len(), 5);
    assert!(complex.cells().iter().all(|c| c.len() == 3));
}

#[test]
fn missing_corners_are_projected() {
    let complex = Complex::new(&loras(&[&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0]]), 3).unwrap();
    assert!(complex.cells().is_empty());
    let got = complex.route(&Preference::new(vec![0.2, 0.3, 0.5]).unwrap());
    assert!((got.experts[0].weight - 0.45).abs() < 1e-5);
    assert!((got.experts[1].weight - 0.55).abs() < 1e-5);
    assert!((got.residual - 0.612372436).abs() < 1e-6);
}

#[test]
fn a_single_expert_is_all_there_is() {
    let complex = Complex::new(&loras(&[&[1.0, 1.0]]), 2).unwrap();
    let got = complex.route(&Preference::one_hot(0, 2));
    assert_eq!(
        got.experts,
        [Enclosing {
            index: 0,
            weight: 1.0
        }]
    );
    assert!((got.residual - 0.5_f64.sqrt()).abs() < 1e-12);
    let one = Complex::new(&loras(&[&[3.0]]), 1).unwrap();
    assert_eq!(one.route(&Preference::uniform(1)).experts.len(), 1);
}

#[test]
fn duplicates_are_refused_by_name() {
    let mut set = hoe();
    set[1].name = "harmless".to_owned();
    set.push(Expert {
        kind: ExpertKind::Router,
        name: "again".to_owned(),
        preference: Preference::one_hot(1, 3),
    });
    let error = Complex::new(&set, 3).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, crate::Error::Option { .. }));
    assert!(text.contains("LoRA expert 2 (`harmless`)"), "{text}");
    assert!(text.contains("router expert 6 (`again`)"), "{text}");
}

#[test]
fn wrong_lengths_and_emptiness_are_refused() {
    assert!(Complex::new(&[], 2).is_err());
    assert!(Complex::new(&hoe(), 0).is_err());
    let text = Complex::new(&hoe(), 4).unwrap_err().to_string();
    assert!(text.contains("3 numbers, 4 needed"), "{text}");
}

#[test]
fn a_preference_of_another_length_shows_in_the_residual() {
    let complex = Complex::new(&hoe(), 3).unwrap();
    assert!(complex.route(&Preference::one_hot(3, 4)).residual >= 0.9);
    assert_eq!(complex.route(&Preference::one_hot(0, 2)).residual, 0.0);
}

/// Barycentric subdivision: an expert on the middle of every face. Its `n!` cells are walked, not stored.
#[test]
fn a_thousand_experts_over_ten_objectives() {
    let n = 10;
    let mut faces: Vec<u32> = (1..1_u32 << n).collect();
    // Corners first, then from the whole simplex down to the edges: each splits what is there.
    faces.sort_by_key(|face| (face.count_ones() != 1, u32::MAX - face.count_ones()));
    let middle = |face: &u32| {
        let on = |i: usize| f64::from(face >> i & 1) / f64::from(face.count_ones());
        expert(ExpertKind::Lora, &(0..n).map(on).collect::<Vec<_>>())
    };
    let set: Vec<Expert> = faces.iter().map(middle).collect();
    assert_eq!(set.len(), 1023);
    let complex = Complex::new(&set, n).unwrap();
    // By hand: sorted from large to small, a point is the chain of faces of its largest numbers.
    let numbers: Vec<f64> = (1..=n).map(|i| i as f64 / 55.0).collect();
    let got = complex.route(&Preference::new(numbers).unwrap());
    assert!(got.residual < 1e-12 && got.experts.len() == n, "{got:?}");
    for near in &got.experts {
        let size = faces[near.index].count_ones();
        let chain = (1_u32 << n) - (1 << (n as u32 - size));
        assert_eq!(faces[near.index], chain);
        assert!((near.weight - f64::from(size) / 55.0).abs() < 1e-12);
    }
    let inside = complex.around(&Preference::new((1..=n).map(|i| i as f64).collect()).unwrap());
    assert_eq!(inside.unwrap().len(), n);
    // 9! cells meet in a corner.
    let corner = complex.around(&Preference::one_hot(0, n));
    assert!(corner.unwrap_err().to_string().contains("cells"));
}

fn simplex_point(n: usize) -> impl Strategy<Value = Vec<f64>> {
    // Small integers make points on faces and collinear experts common.
    prop::collection::vec(0_u32..6, n)
        .prop_filter("not all zero", |v| v.iter().any(|&x| x > 0))
        .prop_map(|v| {
            let sum: u32 = v.iter().sum();
            v.into_iter()
                .map(|x| f64::from(x) / f64::from(sum))
                .collect()
        })
}

/// Corners of `n` objectives with up to five more experts at other places.
fn experts(n: usize) -> impl Strategy<Value = Vec<Expert>> {
    prop::collection::vec((simplex_point(n), any::<bool>()), 0..6).prop_map(move |more| {
        let mut set: Vec<Expert> = (0..n)
            .map(|i| Expert {
                kind: ExpertKind::Lora,
                name: String::new(),
                preference: Preference::one_hot(i, n),
            })
            .collect();
        for (point, lora) in more {
            let kind = if lora {
                ExpertKind::Lora
            } else {
                ExpertKind::Router
            };
            let new = expert(kind, &point);
            let far = |old: &Expert| {
                distance(old.preference.as_slice(), new.preference.as_slice()) > 1e-6
            };
            if set.iter().all(far) {
                set.push(new);
            }
        }
        set
    })
}

proptest! {
    #[test]
    fn every_preference_is_enclosed(
        (set, point) in (2_usize..6).prop_flat_map(|n| (experts(n), simplex_point(n))),
    ) {
        let n = point.len();
        let complex = Complex::new(&set, n).unwrap();
        let got = complex.route(&Preference::new(point).unwrap());
        prop_assert!(got.experts.len() <= n);
        prop_assert!(got.experts.iter().all(|e| e.weight > 0.0));
        prop_assert!((got.experts.iter().map(|e| e.weight).sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!(got.residual < 1e-9, "{got:?}");
    }

    #[test]
    fn experts_stand_for_themselves(set in (2_usize..5).prop_flat_map(experts)) {
        let complex = Complex::new(&set, set[0].preference.as_slice().len()).unwrap();
        for (index, expert) in set.iter().enumerate() {
            let got = complex.route(&expert.preference);
            prop_assert_eq!(got.experts.len(), 1);
            prop_assert_eq!(got.experts[0].index, index);
        }
    }

    /// Along any line weights move in small steps: there is no place where they jump.
    #[test]
    fn weights_are_continuous(
        (set, a, b) in (2_usize..5).prop_flat_map(|n| (experts(n), simplex_point(n), simplex_point(n))),
    ) {
        let n = a.len();
        let complex = Complex::new(&set, n).unwrap();
        let weights = |t: f64| -> Vec<f64> {
            let at = a.iter().zip(&b).map(|(x, y)| x + t * (y - x)).collect();
            let mut dense = vec![0.0; set.len()];
            for e in complex.route(&Preference::new(at).unwrap()).experts {
                dense[e.index] = e.weight;
            }
            dense
        };
        let far = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        let steps = 400;
        let mut before = (0.0, weights(0.0));
        for i in 1..=steps {
            let t = f64::from(i) / f64::from(steps);
            let now = (t, weights(t));
            // A thin cell is steep; a jump is one however closely it is looked at.
            let (mut low, mut high) = (before, now.clone());
            while far(&low.1, &high.1) >= 0.3 {
                prop_assert!(high.0 - low.0 > 1e-9, "a jump from {:?} to {:?} at {}", low.1, high.1, low.0);
                let t = low.0.midpoint(high.0);
                let middle = (t, weights(t));
                if far(&low.1, &middle.1) > far(&middle.1, &high.1) {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            before = now;
        }
    }
}
