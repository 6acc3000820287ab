//! What replies cost.

use paretoscope_core::types::{Prices, Spent};
use serde_json::Value;

/// Counts a reply by its `usage`.
pub(crate) fn count(spent: &mut Spent, reply: &Value, prices: Prices) {
    spent.replies += 1;
    let tokens = |name: &str| reply["usage"][name].as_u64();
    let (Some(input), Some(output)) = (tokens("prompt_tokens"), tokens("completion_tokens")) else {
        spent.untold += 1;
        return;
    };
    spent.input_tokens += input;
    spent.output_tokens += output;
    spent.cost = prices.cost(spent.input_tokens, spent.output_tokens);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_times_prices() {
        let mut spent = Spent::default();
        let prices = Prices {
            input: 3.0,
            output: 15.0,
        };
        for reply in [
            json!({"usage": {"prompt_tokens": 1_000_000, "completion_tokens": 2}}),
            json!({"usage": {"prompt_tokens": 0, "completion_tokens": 999_998}}),
            json!({}),
        ] {
            count(&mut spent, &reply, prices);
        }
        assert_eq!((spent.replies, spent.untold, spent.cost), (3, 1, 18.0));
    }
}
