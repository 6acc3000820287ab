//! Rows of earlier vectors in a random order, as a control.

use super::*;

/// Of rows in a random order nothing is left on average: the mean over all orders of a centred product is 0.
#[test]
fn shuffled_rows_depend_on_nothing_and_each_step_has_its_order() {
    let mut setting = setting(11, 0.4);
    setting.against = vec![setting.against[0].clone()];
    let mut penalty = setting.penalty(PenaltyKind::HsicUnbiased, 1.0, None);
    let team = Team::new(2).unwrap();
    let mut value = |shuffled: bool, step: u64| {
        penalty.config.shuffled = shuffled;
        let found = penalty.evaluate(&setting.vars, &team, step).unwrap();
        found.figures["dependence.earlier-0"]
    };
    assert_eq!(value(false, 1), value(false, 2));
    assert_eq!(value(true, 1), value(true, 1));
    let all: Vec<f64> = (0..400).map(|step| value(true, step)).collect();
    let mean = all.iter().sum::<f64>() / 400.0;
    let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 399.0;
    assert!(variance > 0.0, "all orders are alike");
    let se = (variance / 400.0).sqrt();
    assert!(
        mean.abs() < 3.0 * se,
        "{mean} with a standard error of {se}"
    );
}

#[test]
fn what_compares_no_rows_cannot_shuffle_them() {
    let setting = setting(7, 0.4);
    let config = PenaltyConfig {
        shuffled: true,
        ..PenaltyConfig::of(PenaltyKind::OrthogonalCosine)
    };
    let refused = Penalty::open(&config, &setting.lora, &shape(), &setting.against);
    let refused = refused.map(drop).unwrap_err().to_string();
    assert!(
        refused.contains("orthogonal-cosine") && refused.contains("hsic-unbiased"),
        "{refused}"
    );
}
