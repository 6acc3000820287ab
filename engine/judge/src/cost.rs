//! What replies cost.

use serde::Serialize;
use serde_json::Value;

/// Prices per million tokens, in whatever currency; 0 where they cost nothing, or nobody said.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Prices {
    /// Of tokens that are sent.
    pub input: f64,
    /// Of tokens that come back.
    pub output: f64,
}

/// What was used so far, by what the endpoint says.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spent {
    /// Replies that came.
    pub replies: usize,
    /// Of them, those that said nothing of tokens: their cost is not known, and not counted.
    pub untold: usize,
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Tokens that came back.
    pub output_tokens: u64,
    /// By the prices.
    pub cost: f64,
}

impl Spent {
    /// Counts a reply by its `usage`.
    pub(crate) fn count(&mut self, reply: &Value, prices: Prices) {
        self.replies += 1;
        let tokens = |name: &str| reply["usage"][name].as_u64();
        let (Some(input), Some(output)) = (tokens("prompt_tokens"), tokens("completion_tokens"))
        else {
            self.untold += 1;
            return;
        };
        self.input_tokens += input;
        self.output_tokens += output;
        self.cost = (self.input_tokens as f64 * prices.input
            + self.output_tokens as f64 * prices.output)
            / 1e6;
    }
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
        spent.count(
            &json!({"usage": {"prompt_tokens": 1_000_000, "completion_tokens": 2}}),
            prices,
        );
        spent.count(
            &json!({"usage": {"prompt_tokens": 0, "completion_tokens": 999_998}}),
            prices,
        );
        spent.count(&json!({}), prices);
        assert_eq!((spent.replies, spent.untold, spent.cost), (3, 1, 18.0));
    }
}
