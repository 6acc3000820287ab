//! Strength by the ratio of gradients.

use super::*;

#[test]
fn a_ratio_of_gradients_sets_alpha_once_there_is_a_vector() {
    let setting = setting(3, 0.4).with_a_near_one();
    let ratio = Strength::Ratio { ratio: 0.3 };
    let penalty = setting.strong(PenaltyKind::OrthogonalCosine, ratio, None);
    let plain = penalty
        .evaluate(&setting.vars, &Team::new(1).unwrap(), 0)
        .unwrap();
    let norm = |gradients: &[Option<Tensor>]| {
        let all: Vec<Tensor> = gradients.iter().flatten().cloned().collect();
        crate::train::optimiser::global_norm(&all).unwrap()
    };
    let loss = vec![Tensor::new(&[3.0f32, 4.0], &Device::Cpu).unwrap()];
    let mut carried = serde_json::Value::Null;
    let step = |vars: &NamedVars, loss: &[Tensor], carried: &mut serde_json::Value| {
        let mut addition = penalty.evaluate(vars, &Team::new(1).unwrap(), 0).unwrap();
        penalty.balance(&mut addition, loss, carried).unwrap();
        addition
    };
    let first = step(&setting.vars, &loss, &mut carried);
    assert!((norm(&first.gradients) - 0.3 * 5.0).abs() < 1e-4);
    let alpha = first.figures["alpha"];
    assert!((alpha - 1.5 / norm(&plain.gradients)).abs() < 1e-4 * alpha);
    assert_eq!(first.figures["penalty"], first.value);
    assert!((first.value - alpha * plain.value).abs() < 1e-9);
    // A loss ten times as steep for a step moves the mean by a tenth of the way.
    let steep = vec![(&loss[0] * 10.0).unwrap()];
    let second = step(&setting.vars, &steep, &mut carried);
    assert!((second.figures["alpha"] / alpha - 1.9).abs() < 1e-4);
    // Means survive a checkpoint's JSON to the bit.
    let text = serde_json::to_string(&carried).unwrap();
    let mut read: serde_json::Value = serde_json::from_str(&text).unwrap();
    let third = step(&setting.vars, &loss, &mut carried);
    assert_eq!(third.value, step(&setting.vars, &loss, &mut read).value);
    // A vector that is hardly there is left alone.
    let short = vars(&setting.lora, 3, 1e-4);
    let early = step(&short, &loss, &mut serde_json::Value::Null);
    assert_eq!((early.figures["alpha"], early.value), (0.0, 0.0));
    assert!(norm(&early.gradients).abs() < 1e-12);
    let mut spoilt = serde_json::json!({ "loss": "much" });
    let mut addition = penalty
        .evaluate(&setting.vars, &Team::new(1).unwrap(), 0)
        .unwrap();
    assert!(penalty.balance(&mut addition, &loss, &mut spoilt).is_err());
}
