//! Results that differ in rounding alone.

use serde_json::Value;

/// Fails unless both say the same; the last digit of a score may depend on the texts that were read with it.
pub fn assert_alike(one: &Value, two: &Value) {
    match (one, two) {
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{one}, not {two}");
            a.values()
                .zip(b.values())
                .for_each(|(a, b)| assert_alike(a, b));
        }
        (Value::Number(a), Value::Number(b)) => {
            let of = |n: &serde_json::Number| n.as_f64().expect("a number");
            assert!((of(a) - of(b)).abs() < 1e-4, "{a}, not {b}");
        }
        (a, b) => assert_eq!(a, b),
    }
}
