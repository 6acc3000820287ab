//! From points to the coefficients that a row carries.

use super::{Complex, Routing};
use crate::types::{Expert, ExpertKind, Point, PointError, Preference, RowGates, Weights};
use crate::{Error, Result};

/// Why a preference has no gates, and what would give it some.
pub const NO_EXPERTS: &str = "needs experts, and there are none: the base model answers alone. `bundle add` puts a LoRA expert \
                          to a base, `bundle build` makes a whole bundle of fine-tunes, adapters or preference data";

/// Where an expert's weight goes.
#[derive(Debug, Clone, Copy)]
enum Slot {
    /// A static coefficient of this adapter: a LoRA expert is a constant router for itself.
    Adapter(usize),
    /// The share of this router, which votes token by token.
    Router(usize),
}

/// Everything needed to turn a point into gates, for one bundle.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `None` without experts: there is nothing between which a preference could choose.
    complex: Option<Complex>,
    slots: Vec<Slot>,
    values: Vec<usize>,
    adapters: usize,
    routers: usize,
}

impl Plan {
    /// For `experts` in any order over `objectives`, in a bank of `adapters` adapters of which the
    /// first are the LoRA experts as listed. `values[i]` is the adapter that value vector `i` is:
    /// a later adapter, or a LoRA expert standing in. Without experts preferences have no gates, weights have: none of no
    /// value vector are the base model alone.
    pub fn new(
        experts: &[Expert],
        objectives: usize,
        adapters: usize,
        values: Vec<usize>,
    ) -> Result<Self> {
        let complex = match experts {
            [] => None,
            _ => Some(Complex::new(experts, objectives)?),
        };
        let (mut loras, mut routers) = (0, 0);
        let slots = experts
            .iter()
            .map(|expert| match expert.kind {
                ExpertKind::Lora => {
                    loras += 1;
                    Slot::Adapter(loras - 1)
                }
                ExpertKind::Router => {
                    routers += 1;
                    Slot::Router(routers - 1)
                }
            })
            .collect();
        let highest = values.iter().map(|v| v + 1).max().unwrap_or(0).max(loras);
        if adapters < highest {
            return Err(Error::option(
                "adapters",
                format!("the bank has {adapters}, experts and value vectors need {highest}"),
            ));
        }
        Ok(Self {
            complex,
            slots,
            values,
            adapters,
            routers,
        })
    }

    /// The gates of a point; fails where it has the wrong number of coordinates.
    pub fn gates(&self, point: &Point) -> Result<RowGates> {
        match point {
            Point::Preference(preference) => self.preference(preference),
            Point::Weights(weights) => self.weights(weights),
        }
    }

    /// Gates of a preference: weights of LoRA experts are static, those of routers are their shares.
    fn preference(&self, preference: &Preference) -> Result<RowGates> {
        let got = preference.as_slice().len();
        let Some(complex) = &self.complex else {
            return Err(Error::option("preference", NO_EXPERTS));
        };
        let expected = complex.objectives();
        if got != expected {
            let source = PointError::Count {
                got,
                expected,
                axis: "objective",
            };
            return Err(Error::point("preference")(source));
        }
        Ok(self.routed(&complex.route(preference)))
    }

    /// Gates of a routing that this plan's complex made.
    pub fn routed(&self, routing: &Routing) -> RowGates {
        let mut gates = RowGates::base(self.adapters, self.routers);
        for expert in &routing.experts {
            match self.slots.get(expert.index) {
                Some(&Slot::Adapter(at)) => gates.adapters[at] = expert.weight as f32,
                Some(&Slot::Router(at)) => gates.routers[at] = expert.weight as f32,
                None => {}
            }
        }
        gates
    }

    /// Gates of free weights: straight onto the value vectors.
    fn weights(&self, weights: &Weights) -> Result<RowGates> {
        let (got, expected) = (weights.as_slice().len(), self.values.len());
        if got != expected {
            let source = PointError::Count {
                got,
                expected,
                axis: "value vector",
            };
            return Err(Error::point("weights")(source));
        }
        let mut gates = RowGates::base(self.adapters, self.routers);
        for (&at, &weight) in self.values.iter().zip(weights.as_slice()) {
            // Two names for one adapter add up.
            gates.adapters[at] += weight as f32;
        }
        Ok(gates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expert(kind: ExpertKind, preference: &[f64]) -> Expert {
        Expert {
            kind,
            name: String::new(),
            preference: Preference::new(preference.to_vec()).unwrap(),
        }
    }

    /// A router listed between LoRA experts: slots count each kind by itself.
    fn plan() -> Plan {
        let experts = [
            expert(ExpertKind::Lora, &[1.0, 0.0]),
            expert(ExpertKind::Router, &[0.5, 0.5]),
            expert(ExpertKind::Lora, &[0.0, 1.0]),
        ];
        Plan::new(&experts, 2, 4, vec![2, 3]).unwrap()
    }

    #[test]
    fn lora_weights_are_static_and_router_weights_are_shares() {
        let point = Point::Preference(Preference::new(vec![0.25, 0.75]).unwrap());
        let gates = plan().gates(&point).unwrap();
        assert_eq!(gates.adapters, [0.0, 0.5, 0.0, 0.0]);
        assert_eq!(gates.routers, [0.5]);
        assert!(!gates.is_static());
    }

    #[test]
    fn weights_go_onto_value_vectors() {
        let point = Point::Weights(Weights::new(vec![0.5, 1.5]).unwrap());
        let gates = plan().gates(&point).unwrap();
        assert_eq!(gates.adapters, [0.0, 0.0, 0.5, 1.5]);
        assert!(gates.is_static());
    }

    #[test]
    fn a_base_alone_has_its_own_gates_and_no_preference() {
        let plan = Plan::new(&[], 0, 0, Vec::new()).unwrap();
        let gates = plan.gates(&Point::Weights(Weights::zero(0))).unwrap();
        assert_eq!(gates, RowGates::base(0, 0));
        let preference = Point::Preference(Preference::uniform(1));
        let said = plan.gates(&preference).unwrap_err().to_string();
        assert!(said.contains("bundle add"), "{said}");
        // Value vectors without experts go by weights alone.
        let plan = Plan::new(&[], 0, 1, vec![0]).unwrap();
        let point = Point::Weights(Weights::new(vec![0.5]).unwrap());
        assert_eq!(plan.gates(&point).unwrap().adapters, [0.5]);
    }

    #[test]
    fn wrong_counts_are_refused() {
        let plan = plan();
        let three = Point::Preference(Preference::uniform(3));
        assert!(
            plan.gates(&three)
                .unwrap_err()
                .to_string()
                .contains("3 numbers given, 2 needed")
        );
        let one = Point::Weights(Weights::zero(1));
        assert!(plan.gates(&one).is_err());
        let experts = [expert(ExpertKind::Lora, &[1.0])];
        assert!(Plan::new(&experts, 1, 1, vec![1]).is_err());
    }
}
