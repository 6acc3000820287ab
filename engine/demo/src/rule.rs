//! The grader as a scorer of stored answers.

use std::collections::HashMap;

use paretoscope_engine::rules::{Given, Rule, RuleObjective, Verdict};
use paretoscope_engine::study::Fields;
use paretoscope_engine::types::ScorerKind;

use super::grader::{CLEAN, Grader, MATCH};
use super::levels::Objective;
use super::phrasing::{PHRASINGS, ask};
use super::world::World;

/// Topics by every way to ask about them.
pub(super) fn asked(world: &World) -> HashMap<String, usize> {
    let topics = world.topics.iter().enumerate();
    topics
        .flat_map(|(at, topic)| (0..PHRASINGS).map(move |way| (ask(topic, way), at)))
        .collect()
}

/// Reads answers to questions of a world: the ground truth beside the demonstration's reward models.
#[derive(Debug)]
pub struct GraderRule {
    grader: Grader,
    topics: HashMap<String, usize>,
    world: String,
}

impl GraderRule {
    /// Of this world.
    pub fn new(world: &World) -> Self {
        let mut fields = Fields::new("demonstration grader 1");
        fields.number(MATCH);
        fields.number(CLEAN);
        for topic in &world.topics {
            fields.text(&topic.id);
            for sentences in [&topic.asks, &topic.steps, &topic.cautions, &topic.jokes] {
                fields.texts(sentences);
            }
            let risk = topic.risk.iter();
            let risk = risk.flat_map(|r| [r.shortcut.clone(), r.warning.clone(), r.safer.clone()]);
            fields.texts(&risk.collect::<Vec<_>>());
        }
        Self {
            grader: Grader::new(world),
            topics: asked(world),
            world: fields.uid().to_string(),
        }
    }
}

impl Rule for GraderRule {
    fn kind(&self) -> ScorerKind {
        ScorerKind::Grader
    }

    fn objectives(&self) -> Vec<RuleObjective> {
        let one = |objective: Objective| RuleObjective {
            name: format!("grader-{}", objective.name()),
            sign: 1.0,
            digest: format!("{} {}", self.world, objective.name()),
            words: format!(
                "how {} an answer is by the demonstration's grader, 0 to 1",
                objective.name()
            ),
        };
        Objective::ALL.map(one).to_vec()
    }

    fn verdicts(&self, given: Given<'_>) -> Vec<Verdict> {
        let topic = given
            .prompt
            .words()
            .and_then(|asked| self.topics.get(asked));
        let Some(&topic) = topic else {
            return vec![Verdict::Nothing("no question of this world"); Objective::ALL.len()];
        };
        let attributes = self.grader.grade(topic, given.text).attributes;
        Objective::ALL
            .map(|objective| Verdict::Counted(attributes.of(objective)))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use paretoscope_engine::types::{Prompt, Reference};

    use super::*;

    #[test]
    fn it_says_what_the_grader_says_of_questions_of_its_world() {
        let world =
            World::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/world")).unwrap();
        let rule = GraderRule::new(&world);
        let topic = &world.topics[3];
        let says = |prompt: &str, text: &str| {
            let (prompt, reference) = (Prompt::Chat(prompt.to_owned()), Reference::default());
            rule.verdicts(Given {
                prompt: &prompt,
                reference: &reference,
                text,
            })
        };
        let joke = says(&ask(topic, 0), &topic.jokes[0]);
        let step = says(&ask(topic, PHRASINGS - 1), &topic.steps[0]);
        let grade = Grader::new(&world).grade(3, &topic.jokes[0]).attributes;
        let expected = Objective::ALL.map(|o| Verdict::Counted(grade.of(o)));
        assert_eq!(joke, expected);
        assert_ne!(joke, step);
        assert!(
            says("Who are you?", "A text.")
                .iter()
                .all(|v| matches!(v, Verdict::Nothing(_)))
        );
        let mut other = world.clone();
        other.topics[0].steps[0].push_str(" Twice.");
        let digest = |rule: &GraderRule| rule.objectives()[0].digest.clone();
        assert_ne!(
            digest(&rule),
            digest(&GraderRule::new(&other)),
            "another world, another scorer"
        );
        assert_eq!(digest(&rule), digest(&GraderRule::new(&world)));
    }
}
